"""Records that earlier releases judged wrongly, in several languages: good ones that were thrown away, and wrong ones
that were delivered. Each stands for a kind; more of each kind are in the tests of its check."""

from __future__ import annotations

import unicodedata

import pytest

from dataforge.quality import verdict
from dataforge.quality.checks.record import CheckedRecord
from dataforge.quality.findings import reasons

VITAMINS = (
    "Vitamins that dissolve in fat are vitamin A, D, E and K. For night sight the eye needs vitamin A most of all. "
    "The safe plan for a flood is called Plan A."
)
PARCEL = (
    "If a parcel arrives late, support apologises first and offers a refund of the shipping fee within 14 days. "
    "A damaged item is replaced free of charge when a photo is sent within a week."
)
GARDEN_HI = (
    "बगीचे का फाटक मई से सितंबर तक रात नौ बजे बंद होता है। जो सदस्य चाबी खो देता है वह पच्चीस रुपये देता है और दो दिन के भीतर "
    "चौकीदार को बताता है। औज़ार घर हर सुबह सात बजे खुलता है।"
)
GARDEN_AR = (
    "تُغْلَقُ بَوَّابَةُ الحَدِيقَةِ فِي السَّاعَةِ التَّاسِعَةِ مَسَاءً مِنْ مَايُو إِلَى سِبْتَمْبَر. العُضْوُ الَّذِي يَفْقِدُ المِفْتَاحَ يَدْفَعُ خَمْسَةً وَعِشْرِينَ دِينَارًا."
)
GARDEN_DE = (
    "Das Gartentür-Schloß wird von Mai bis September um neun Uhr abends geschlossen. Wer den Schlüssel verliert, zahlt "
    "fünfundzwanzig Kronen und meldet es dem Wärter. Über die Höhe der Gebühr für größere Gärten entscheidet die "
    "Versammlung."
)
PATHS_DE = (
    "Hunde sind auf den Wegen nicht erlaubt. Wer den Schlüssel verliert, zahlt 25 Kronen und meldet es dem Wart binnen "
    "zwei Tagen."
)
PATHS_EN = (
    "Dogs are not allowed on the paths. Whoever loses the key pays 25 crowns and tells the warden within two days."
)
PATHS_ZH = "狗不得进入小路。丢失钥匙的成员支付二十五元，并在两天内告知管理员。"
PATHS_FR = (
    "Les chiens ne sont pas admis sur les chemins. Qui perd la clé paie 25 couronnes et prévient le gardien sous deux "
    "jours."
)
PATHS_ES = (
    "Los perros no pueden entrar en los caminos. Quien pierde la llave paga 25 coronas y avisa al guarda en dos días."
)
CONTROL = (
    "The document control procedure requires two signatures. The author of a manual receives a royalty of 4 %. "
    "This section of the road is closed from May to June."
)

GOOD = {
    "ends in vitamin A": (
        "qa",
        "Which vitamin does the eye need most of all for night sight?",
        "For night sight the eye needs vitamin A",
        VITAMINS,
    ),
    "ends in Plan A": ("qa", "What is the safe plan for a flood called?", "The safe plan is called Plan A", VITAMINS),
    "a reply that is sorry": (
        "instruction",
        "Write a reply to a customer whose parcel arrived late.",
        "I'm sorry that your parcel arrived late. We refund the shipping fee within 14 days.",
        PARCEL,
    ),
    "a reply that is sorry to hear": (
        "instruction",
        "Write a reply to a customer whose item is damaged.",
        "Sorry to hear that your item is damaged. Send a photo within a week and we replace it free of charge.",
        PARCEL,
    ),
    "what support says first": (
        "qa",
        "What does support say first when a parcel arrives late?",
        "Sorry: support apologises first and offers a refund of the shipping fee within 14 days.",
        PARCEL,
    ),
    "hindi": ("qa", "बगीचे का फाटक कब बंद होता है?", "बगीचे का फाटक मई से सितंबर तक रात नौ बजे बंद होता है।", GARDEN_HI),
    "arabic without vowel signs": (
        "qa",
        "متى تغلق بوابة الحديقة؟",
        "تغلق بوابة الحديقة في الساعة التاسعة مساء.",
        GARDEN_AR,
    ),
    "german": (
        "qa",
        "Wer entscheidet über die Höhe der Gebühr?",
        "Über die Höhe der Gebühr für größere Gärten entscheidet die Versammlung.",
        GARDEN_DE,
    ),
    "a procedure of that name": (
        "qa",
        "What does the document control procedure require?",
        "According to the document control procedure, two signatures are required.",
        CONTROL,
    ),
    "the author of a manual": (
        "qa",
        "What royalty does the author of a manual receive?",
        "The author of a manual receives a royalty of 4 %.",
        CONTROL,
    ),
    "a section of a road": (
        "qa",
        "When is this section of the road closed?",
        "It is closed from May to June.",
        CONTROL,
    ),
}
"""Delivered, whatever flags."""

WRONG = {
    "hindi, negated": (
        "बगीचे का फाटक कब बंद होता है?",
        "बगीचे का फाटक कभी बंद नहीं होता और सदस्य बिना चाबी के आते हैं।",
        GARDEN_HI,
    ),
    "hindi, of something else": (
        "चाबी खोने पर क्या होता है?",
        "पुस्तकालय के नियम बदल गए हैं और किताबें मुफ़्त बाँटी जाती हैं।",
        GARDEN_HI,
    ),
    "german, negation": ("Sind Hunde auf den Wegen gestattet?", "Auf den Wegen sind Hunde erlaubt.", PATHS_DE),
    "english, negation": ("May dogs walk on the paths?", "On the paths dogs are allowed.", PATHS_EN),
    "french, negation": ("Les chiens sont-ils admis ?", "Les chiens sont admis sur tous les chemins.", PATHS_FR),
    "chinese, negation": ("狗可以进入小路吗？", "狗可以进入小路。", PATHS_ZH),
    "german, number word": (
        "Binnen welcher Frist wird der Verlust gemeldet?",
        "Wer den Schlüssel verliert, meldet es dem Wart binnen zwölf Tagen.",
        PATHS_DE,
    ),
    "english, number word": (
        "Within what time is the loss told?",
        "Whoever loses the key tells the warden within twelve days.",
        PATHS_EN,
    ),
    "chinese, number word": ("丢失钥匙的成员支付多少？", "丢失钥匙的成员支付九十五元。", PATHS_ZH),
    "chinese, question names the text": ("根据文本，丢失钥匙的成员支付多少？", "支付二十五元。", PATHS_ZH),
    "chinese, answer names the text": (
        "丢失钥匙的成员支付多少？",
        "文中提到，丢失钥匙的成员支付二十五元，并在两天内告知管理员。",
        PATHS_ZH,
    ),
    "chinese, this paragraph": ("本段中丢失钥匙的成员支付多少？", "丢失钥匙的成员支付二十五元。", PATHS_ZH),
    "french, names the text": (
        "Selon le texte, que paie celui qui perd la clé ?",
        "Qui perd la clé paie 25 couronnes.",
        PATHS_FR,
    ),
    "spanish, names the text": (
        "¿Qué paga quien pierde la llave según el texto?",
        "De acuerdo con el texto anterior, quien pierde la llave paga 25 coronas.",
        PATHS_ES,
    ),
    "english, in the text": ("In the text, how much does a lost key cost?", "A lost key costs 25 crowns.", PATHS_EN),
    "english, noted above": ("How much does a lost key cost?", "As noted above, it costs 25 crowns.", PATHS_EN),
    "english, information given": (
        "How much does a lost key cost?",
        "From the information given, it costs 25 crowns.",
        PATHS_EN,
    ),
}
"""Not delivered without a flag."""


@pytest.mark.parametrize(("kind", "question", "answer", "passage"), GOOD.values(), ids=GOOD)
def test_a_good_record_is_not_rejected(kind: str, question: str, answer: str, passage: str) -> None:
    found = verdict.judge(CheckedRecord(question, answer, kind, passage))

    assert reasons(found.findings) == ()


@pytest.mark.parametrize(("question", "answer", "passage"), WRONG.values(), ids=WRONG)
def test_a_wrong_record_is_not_accepted(question: str, answer: str, passage: str) -> None:
    found = verdict.judge(CheckedRecord(question, answer, "qa", passage))

    assert found.findings


@pytest.mark.parametrize(("kind", "question", "answer", "passage"), GOOD.values(), ids=GOOD)
def test_the_normal_form_of_the_passage_does_not_matter(kind: str, question: str, answer: str, passage: str) -> None:
    composed, decomposed = (unicodedata.normalize(form, passage) for form in ("NFC", "NFD"))

    assert verdict.judge(CheckedRecord(question, answer, kind, decomposed)) == verdict.judge(
        CheckedRecord(question, answer, kind, composed)
    )


def test_a_clause_before_the_question_is_no_question_of_its_own() -> None:
    asked = "When it comes to the gardens, what does a lost key cost the member?"

    found = verdict.judge(CheckedRecord(asked, "A lost key costs the member 25 crowns.", "qa", PATHS_EN))

    assert "two_questions" not in {f.check for f in found.findings}

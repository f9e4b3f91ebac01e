"""Which language a text is in; no language rather than a wrong one."""

from __future__ import annotations

import unicodedata

import pytest

from dataforge.text.languages import LANGUAGES
from dataforge.text.languages.identifying import language_of
from dataforge.text.languages.phrases import phrases_of

SAID = {
    "en": ["How many days does a member have to pay the fee?", "The gate is closed at nine in the evening."],
    "de": ["Wie viele Tage hat ein Mitglied, um den Beitrag zu zahlen?", "Das Tor wird um neun Uhr geschlossen."],
    "fr": ["Combien de jours le membre a-t-il pour payer ?", "La porte est fermée à neuf heures du soir."],
    "es": ["¿Cuántos días tiene el socio para pagar la cuota?", "La puerta se cierra a las nueve de la noche."],
    "pt": [
        "Quantos dias tem o sócio para pagar a quota?",
        "O portão fecha às nove da noite e não abre antes das seis.",
    ],
    "it": [
        "Quanti giorni ha il socio per pagare la quota?",
        "Il cancello si chiude alle nove e non apre prima delle sei.",
    ],
    "nl": ["Hoeveel dagen heeft het lid om te betalen?", "De poort wordt om negen uur gesloten."],
    "pl": ["Ile dni ma członek na zapłacenie składki?", "Brama jest zamykana o dziewiątej i nie otwiera się do rana."],
    "zh": ["会员须在几天内缴费？", "大門晚上九點關閉。"],
    "ja": ["会員は何日以内に会費を払いますか？", "門は夜九時に閉まります。"],
    "ar": ["كم يومًا لدى العضو لدفع الرسوم؟", "تُغلَق البوابة في الساعة التاسعة."],
    "hi": ["सदस्य को शुल्क कितने दिनों में देना होता है?", "फाटक रात नौ बजे बंद होता है।"],
}
OTHERS = [
    "Hur många dagar har medlemmen på sig att betala avgiften?",
    "Kolik dní má člen na zaplacení poplatku?",
    "Câte zile are membrul la dispoziție pentru a plăti taxa?",
    "Üyenin ücreti ödemek için kaç günü vardır?",
    "Berapa hari yang dimiliki anggota untuk membayar biaya?",
    "Thành viên có bao nhiêu ngày để trả phí?",
    "Сколько дней есть у члена клуба?",
    "회원은 며칠 안에 회비를 내야 하나요?",
    "عضو چند روز برای پرداخت هزینه فرصت دارد؟",
    "सदस्याला शुल्क भरण्यासाठी किती दिवस आहेत?",
    "34.00 EUR",
    "Port Aldwin, Skerrow, Tolm",
    "",
]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize(("language", "text"), [(code, text) for code, texts in SAID.items() for text in texts])
def test_a_sentence_is_told_by_its_function_words_or_script(language: str, text: str, form: str) -> None:
    assert language_of(unicodedata.normalize(form, text)) == language  # type: ignore[arg-type]


@pytest.mark.parametrize("text", OTHERS)
def test_a_text_in_no_known_language_is_in_none_of_them(text: str) -> None:
    assert language_of(text) not in LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_its_phrases(language: str) -> None:
    assert phrases_of(language) is not None


def test_an_unknown_language_has_none() -> None:
    assert phrases_of("sv") is None

"""Whether two records say the same: by what differs between them, in sentences that are alike and in others."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.quality import repeats
from dataforge.quality.duplicates import near_duplicates
from dataforge.quality.repeats import Statement, compare, content, statement

WINES = Path(__file__).parents[2] / "support" / "wines.csv"
FORMS = {
    "country": ("Which country does {n} come from?", "{n} comes from {v}."),
    "food pairing": ("What food goes with {n}?", "{n} goes with {v}."),
    "tasting notes": ("What does {n} taste of?", "{n} tastes of {v}."),
    "variety": ("Which grape variety is {n} made from?", "{n} is made from {v}."),
}


def said(question: str, answer: str, evidence: str = "", chunk: str = "c1", start: int | None = None) -> Statement:
    return statement(question, answer, [evidence] if evidence else [], chunk_id=chunk, start=start)


def relation(one: Statement, other: Statement, passage: str = "") -> str | None:
    """In both orders."""
    found = {compare(a, b, lambda: content(passage, one.language).words) for a, b in ((one, other), (other, one))}
    assert len(found) == 1
    return found.pop()


def table() -> list[tuple[str, str, str]]:
    """Question, answer and row of every fact."""
    with WINES.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        (q.format(n=row["name"]), a.format(n=row["name"], v=row[column]), " | ".join(row.values()))
        for row in rows
        for column, (q, a) in FORMS.items()
    ]


def test_facts_of_a_table_are_no_repeats_however_alike_their_forms() -> None:
    facts = table()
    passage = "\n".join(row for _, _, row in facts)
    statements = [said(question, answer, row) for question, answer, row in facts]

    alike = near_duplicates([f"{question}\n{answer}" for question, answer, _ in facts])

    assert len(alike) > 200, "the case: by their form alone most of them are"
    assert {relation(statements[d.of], statements[d.index], passage) for d in alike} == {None}


LIGHT = [
    (
        ("How many lockers are there on the ferry deck?", "There are 40 lockers.", "The ferry deck has 40 lockers."),
        ("How many lockers are on the ferry deck?", "There are 40 lockers there.", "The ferry deck has 40 lockers."),
    ),
    (
        ("Wie viele Schränke gibt es auf dem Fährdeck?", "Es gibt 40 Schränke.", "Auf dem Deck sind 40 Schränke."),
        ("Wie viele Schränke gibt es denn auf dem Fährdeck?", "Es sind 40 Schränke.", "Auf dem Deck sind 40 Schränke."),
    ),
    (
        ("Combien de casiers y a-t-il sur le pont ?", "Il y a 40 casiers.", "Le pont compte 40 casiers."),
        ("Combien de casiers y a-t-il donc sur le pont ?", "Il y a 40 casiers.", "Le pont compte 40 casiers."),
    ),
    (
        ("¿Cuántas taquillas hay en la cubierta?", "Hay 40 taquillas.", "La cubierta tiene 40 taquillas."),
        ("¿Cuántas taquillas hay sobre la cubierta?", "Hay cuarenta taquillas.", "La cubierta tiene 40 taquillas."),
    ),
    (
        ("渡轮甲板上有多少个储物柜？", "有 40 个储物柜。", "甲板上有 40 个储物柜。"),
        ("渡轮甲板上有多少个储物柜呢？", "40 个储物柜。", "甲板上有 40 个储物柜。"),
    ),
    (
        ("كم خزانة توجد على سطح العبارة؟", "توجد 40 خزانة.", "على سطح العبارة 40 خزانة."),
        ("كم خزانة توجد على السطح في العبارة؟", "توجد 40 خزانة.", "على سطح العبارة 40 خزانة."),
    ),
]


@pytest.mark.parametrize(("one", "other"), LIGHT, ids=["en", "de", "fr", "es", "zh", "ar"])
def test_a_word_that_carries_nothing_makes_no_other_record(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert relation(said(*one), said(*other), one[2]) == "near_duplicate"


OTHER_FACTS = [
    ("How deep is the water at Tolm?", "6 metres.", "How deep is the water at Hallin?", "4 metres."),
    ("What does code E7 mean?", "The hose is blocked.", "What does code E4 mean?", "The hose is blocked."),
    ("What does a delay of 100 minutes bring?", "A voucher.", "What does a delay of 200 minutes bring?", "A voucher."),
    ("What does the monthly pass cost?", "39 euros.", "What does the yearly pass cost?", "390 euros."),
    ("Wie viele Hörbücher darf man leihen?", "Zehn.", "Wie viele Spiele darf man leihen?", "Zehn."),
    ("Combien coûte le forfait mensuel ?", "19 euros.", "Combien coûte le forfait annuel ?", "19 euros."),
    (
        "¿A qué hora cierra la piscina los sábados?",
        "A las 19.",
        "¿A qué hora cierra la piscina los domingos?",
        "A las 19.",
    ),
    ("门锁最多能录入多少枚指纹？", "100 枚。", "门锁最多能录入多少张门卡？", "100 张。"),
    ("كم كتابا يمكن استعارته؟", "عشرة.", "كم لعبة يمكن استعارتها؟", "عشرة."),
]


@pytest.mark.parametrize(("question", "answer", "another", "its_answer"), OTHER_FACTS)
def test_another_name_number_or_key_word_is_another_fact(
    question: str, answer: str, another: str, its_answer: str
) -> None:
    passage = f"{question}\n{another}"

    assert relation(said(question, answer, "row one"), said(another, its_answer, "row two"), passage) is None
    assert relation(said(question, answer), said(another, its_answer), passage) is None


def test_one_sentence_over_two_names_is_two_facts() -> None:
    source = "Amber Mill and Cedar Stone both come from Chile."
    one = said("Which country does Amber Mill come from?", "Amber Mill comes from Chile.", source)
    other = said("Which country does Cedar Stone come from?", "Cedar Stone comes from Chile.", source)

    assert relation(one, other, source) is None


REWORDED = [
    (
        "A day pass is valid for 12 hours and can be handed on.",
        ("What is a day pass?", "It is valid for 12 hours and can be handed on."),
        ("I bought something called a day pass. What do I get?", "You may use it for 12 hours; handing it on is fine."),
    ),
    (
        "Ein Buch kann höchstens dreimal verlängert werden.",
        ("Wie oft kann man ein Buch verlängern?", "Höchstens dreimal kann es verlängert werden."),
        ("Darf ich mein Buch länger behalten?", "Ja, es kann dreimal verlängert werden."),
    ),
    (
        "员工可在 8:30 至 10:00 之间到岗。",
        ("员工最晚几点到岗？", "最晚 10:00，最早 8:30。"),
        ("我早上什么时候到公司才不算晚？", "十点以前到，最早八点三十分。"),
    ),
]


@pytest.mark.parametrize(("source", "one", "other"), REWORDED, ids=["en", "de", "zh"])
def test_the_same_in_other_words_is_flagged(source: str, one: tuple[str, str], other: tuple[str, str]) -> None:
    assert relation(said(*one, source), said(*other, source), source) == "reworded_repeat"
    assert relation(said(*one, source), said(*other, source, chunk="c2"), source) is None, "of another chunk"


CONTRADICTIONS = [
    ("How long are labels kept?", "For 90 days.", "How long are labels kept?", "They are kept for 60 days."),
    ("Is a deposit needed?", "Yes, always.", "Is a deposit needed?", "No, never."),
    ("Who manages the Tolm terminal?", "Beatrix Olander.", "Who manages the Tolm terminal?", "Gavin Sorley."),
    ("Wie lange gilt der Pass?", "Zwei Jahre.", "Wie lange gilt der Pass?", "Fünf Jahre."),
    ("会议室最多能提前多少天预订？", "7 天。", "会议室能提前几天预订？", "14 天。"),
    ("هل التأمين إلزامي؟", "نعم.", "هل التأمين إلزامي؟", "لا."),
]


@pytest.mark.parametrize(("question", "answer", "again", "otherwise"), CONTRADICTIONS)
def test_another_value_for_the_same_question_contradicts(
    question: str, answer: str, again: str, otherwise: str
) -> None:
    one, other = said(question, answer), said(again, otherwise, chunk="c2")

    assert relation(one, other) == "contradicts"


def test_a_value_that_their_sentence_does_not_hold_contradicts_the_one_that_it_does() -> None:
    source = "A new employee has a probation period of six months."
    one = said("How long is the probation period of a new employee?", "Six months.", source)
    other = said("How many months is a new hire on probation?", "Three months.", source)

    assert relation(one, other, source) == "contradicts"


def test_an_edition_that_changes_a_figure_contradicts_the_one_before() -> None:
    one = said("For how long are labels of shipments stored?", "For 90 days.", "Labels are stored for 90 days.")
    source = "Labels are stored for 60 days instead of 90."
    other = said("For how many days are labels stored?", "For 60 days.", source, chunk="c2")

    assert relation(one, other) == "contradicts"


def test_two_cells_of_one_row_do_not_contradict() -> None:
    row = "| R2 | 19.80 | 34.00 |"
    one = said("What does a single ticket on route R2 cost?", "19.80 euros.", row)
    other = said("What does a return ticket on route R2 cost?", "34.00 euros.", row)

    assert relation(one, other, f"| Route | single ticket | return ticket |\n{row}") is None


def test_a_translation_is_found_where_chunks_hold_the_same_figures() -> None:
    german = "Ab 60 Euro ist die Rücksendung kostenlos, darunter kostet sie 4,90 Euro. Frist: 14 Tage."
    french = "Le retour est gratuit à partir de 60 euros, sinon il coûte 4,90 euros. Délai : 14 jours."
    one = said("Ab wann ist die Rücksendung kostenlos?", "Ab 60 Euro.", german[:72], start=0)
    other = said("À partir de quand le retour est-il gratuit ?", "À partir de 60 euros.", french[:70], "c2", start=0)
    end = said("Quel est le délai pour un retour ?", "Le délai est de 60 jours.", french[72:], "c2", start=72)
    lengths = len(german), len(french)

    assert repeats.aligned(repeats.figures(german), repeats.figures(french))
    assert not repeats.aligned(repeats.figures(german), repeats.figures("In 1998 there were 3 of 60."))
    assert repeats.translated(one, other, lengths)
    assert not repeats.translated(one, end, lengths)
    assert not repeats.translated(one, one, lengths)


def test_keys_find_what_may_be_a_repeat_or_a_contradiction() -> None:
    one = said("How many days are labels stored?", "90.", "Labels are stored for 90 days.", "c1")

    def met(other: Statement) -> bool:
        return any(set(a) & set(b) for a in repeats.keys(one) for b in repeats.keys(other))

    assert met(said("What colour is the sign?", "Red.", chunk="c1"))
    assert met(said("For how long are labels stored?", "60.", chunk="c2"))
    assert met(said("How long are shipping labels stored?", "60.", chunk="c2"))
    assert not met(said("Where is the pier?", "East.", chunk="c2"))


TEXTS = st.text("ab 1-.'|?号天ة Ä", max_size=60)


@given(TEXTS, TEXTS, TEXTS)
def test_a_statement_survives_json_and_equals_itself(question: str, answer: str, evidence: str) -> None:
    one = statement(question, answer, [evidence], chunk_id="c", start=3)

    assert Statement.from_json(one.to_json()) == one
    assert compare(one, one) in (None, "near_duplicate", "reworded_repeat")


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_the_order_of_two_records_does_not_matter(q1: str, a1: str, q2: str, a2: str) -> None:
    one, other = statement(q1, a1, [q1], chunk_id="c"), statement(q2, a2, [q1], chunk_id="c")

    assert compare(one, other) == compare(other, one)

"""The offline teacher: what it makes of a passage, and what it leaves alone."""

from __future__ import annotations

import re

import pytest

from dataforge.records import Passage
from dataforge.teachers.extractive import pairs, verbs
from tests.support.passages import HANDBOOK, asked


# checklist 38
@pytest.mark.parametrize(
    ("content", "question", "kind", "answer"),
    [
        (
            "A turnaround is the time between two sailings of one vessel.",
            "What is a turnaround?",
            "definition",
            "A turnaround is the time between two sailings of one vessel.",
        ),
        (
            "The Network Time Protocol (NTP) keeps the clocks of all servers in step.",
            "What does NTP stand for?",
            "definition",
            "NTP stands for Network Time Protocol.",
        ),
        (
            "Camera pictures are stored for 21 days.",
            "How long are camera pictures stored?",
            "numeric",
            "Camera pictures are stored for 21 days.",
        ),
        (
            "Employees must submit expense reports within 30 days of purchase.",
            "Within how many days of purchase must employees submit expense reports?",
            "numeric",
            "Employees must submit expense reports within 30 days of purchase.",
        ),
        (
            "Foot passengers check in at least 15 minutes before departure.",
            "How long before departure do foot passengers check in?",
            "numeric",
            "Foot passengers check in at least 15 minutes before departure.",
        ),
        (
            "An Islander Card costs 20 euros a year.",
            "How much does an Islander Card cost a year?",
            "numeric",
            "An Islander Card costs 20 euros a year.",
        ),
        (
            "Caravans pay 80 percent of the car fare.",
            "What percentage of the car fare do caravans pay?",
            "numeric",
            "Caravans pay 80 percent of the car fare.",
        ),
        (
            "The uniform of the crew is replaced every two years.",
            "How often is the uniform of the crew replaced?",
            "numeric",
            "The uniform of the crew is replaced every two years.",
        ),
        (
            "Each life raft on Curlew holds 50 people.",
            "How many people does each life raft on Curlew hold?",
            "numeric",
            "Each life raft on Curlew holds 50 people.",
        ),
        (
            "In 1961, IBM introduced the Selectric typewriter.",
            "When did IBM introduce the Selectric typewriter?",
            "temporal",
            "In 1961, IBM introduced the Selectric typewriter.",
        ),
        (
            "A day pass for visitors must be returned by 20:00.",
            "By when must a day pass for visitors be returned?",
            "temporal",
            "A day pass for visitors must be returned by 20:00.",
        ),
        (
            "Larger sums are decided by the Head of Customer Service.",
            "Who decides larger sums?",
            "person",
            "Larger sums are decided by the Head of Customer Service.",
        ),
        (
            "Only the press officer speaks for the company in public.",
            "Who speaks for the company in public?",
            "person",
            "Only the press officer speaks for the company in public.",
        ),
        (
            "Terminal staff cannot work from home.",
            "Can terminal staff work from home?",
            "yes-no",
            "No. Terminal staff cannot work from home.",
        ),
        (
            "If an indicator fails, the mate inspects the pins of the door by eye.",
            "What does the mate do if an indicator fails?",
            "condition",
            "If an indicator fails, the mate inspects the pins of the door by eye.",
        ),
        (
            "If the light blinks, press the red button for five seconds.",
            "What should you do if the light blinks?",
            "condition",
            "If the light blinks, press the red button for five seconds.",
        ),
        (
            "Employees ashore may work from home, if their manager agrees.",
            "Under what condition may employees ashore work from home?",
            "condition",
            "Employees ashore may work from home, if their manager agrees.",
        ),
        (
            "Curlew cannot berth at Hallin because it needs a depth of 5.4 metres.",
            "Why can Curlew not berth at Hallin?",
            "reason",
            "Curlew cannot berth at Hallin because it needs a depth of 5.4 metres.",
        ),
        (
            "Valuables worth more than 100 euros are kept in the safe.",
            "Where are valuables worth more than 100 euros kept?",
            "factual",
            "Valuables worth more than 100 euros are kept in the safe.",
        ),
    ],
)
def test_a_sentence_becomes_a_question_and_is_its_answer(content: str, question: str, kind: str, answer: str) -> None:
    made = asked(content)

    assert question in made
    assert (made[question].question_type, made[question].answer) == (kind, answer)
    assert all(e in content for e in made[question].evidence)


# checklist 38
@pytest.mark.parametrize(
    ("content", "question"),
    [
        ("Dabbling ducks feed on the surface of water or on land.", "What do dabbling ducks feed on?"),
        ("Ducks have many economic uses, being farmed for their meat and eggs.", "What economic uses do ducks have?"),
        (
            "The two general types of self-locking nuts currently in use are the all-metal type and the fiber type.",
            "What are the two general types of self-locking nuts currently in use?",
        ),
        (
            "Patented in 1868 by Christopher Sholes, the mechanical typewriter revolutionized written communication by "
            "enabling "
            "people to produce legible documents.",
            "How did the mechanical typewriter revolutionize written communication?",
        ),
        (
            "Ducks are generally smaller and shorter-necked than swans and geese.",
            "How do ducks compare with swans and geese?",
        ),
        ("Early word processors were not software programs.", "Were early word processors software programs?"),
        (
            "Cytotoxic drugs inhibit the immune response by killing cells.",
            "How do cytotoxic drugs inhibit the immune response?",
        ),
        (
            "Archeological evidence shows that the hunters of the islands ate wild ducks.",
            "What does archeological evidence show?",
        ),
        ("Large language models are powerful tools that generate texts.", "What are large language models?"),
        ("Ducks make a range of calls, including whistles and grunts.", "What calls do ducks make?"),
        (
            "Historically, the Methodist Church has supported the temperance movement.",
            "What has the Methodist Church supported?",
        ),
        ("There are 13 nature reserves in Warsaw.", "How many nature reserves are there in Warsaw?"),
        ("The French Confession of 1559 shows a Calvinistic influence.", "What shows a Calvinistic influence?"),
    ],
)
def test_the_phrase_after_the_verb_and_the_subject_are_asked_for(content: str, question: str) -> None:
    assert question in asked(content)


def test_a_denial_is_answered_with_no() -> None:
    made = asked("Early word processors were not software programs.")

    assert made["Were early word processors software programs?"].answer.startswith("No. Early word processors were not")


def test_what_points_back_is_answered_together_with_the_sentence_before() -> None:
    made = asked(
        "Wang sold machines with a small screen in the 1970s. These machines replaced the typewriters of large offices."
    )

    draft = made["Which machines replaced the typewriters of large offices?"]
    assert draft.answer.startswith("Wang sold machines")
    assert len(draft.evidence) == 2


def test_a_section_under_its_own_heading_is_explained_as_a_whole() -> None:
    content = (
        "## Wing nuts\n\nWing nuts are tightened by hand and need no wrench at all. Mechanics use them on panels that "
        "are removed often. The wings of the nut give the fingers a firm grip."
    )

    made = asked(content, "Wing nuts")

    summary = next(d for d in made.values() if d.question_type == "summary")
    assert "wing nuts" in summary.question
    assert len(summary.evidence) == 3


@pytest.mark.parametrize(
    ("content", "never"),
    [
        (
            "From the typewriters of the 19th century to the tools of today, the word processor has come a long way.",
            "who",
        ),
        ("As AI continues to advance, word processors may evolve into even more intuitive tools.", "who"),
        (
            "2.2 MIXTURE-OF-EXPERT MODELS Granite 3.0 1B and 3B MoE models use similar architecture with two changes.",
            "MODELS",
        ),
        ("Boots Self-Locking Nut The Boots self-locking nut is of one construction made to hold tight.", "Nut The"),
        ("The wing type that is\n\n# Nuts\n\nsize, while the locking section presses against the bolt.", "size"),
        ("The 'diving ducks', also named for their feeding method, make up the tribe Aythyini.", "What named"),
        ("A rule of multiplication called Lorentz's Law describes the force on a charge.", "What called"),
        ("On the world market, the price increases changed the position of many industries.", "price increase?"),
        ("| Food | Calories per portion |\n| --- | --- |\n| berries | 50 |\n| grain | 120 |", "does berries"),
        ("The speed limit on the pier is 10 km an hour.", "an hour?"),
        (
            "To get started with swimming, first lay down in a water and try not to drown:\n\n- relax\n- look",
            "How do you get",
        ),
    ],
)
def test_known_bad_questions_stay_away(content: str, never: str) -> None:
    words = [f"{d.question} {d.answer if never == 'size' else ''}" for d in asked(content).values()]

    assert not any(never in w or never in w.casefold().split() for w in words)


def test_plain_yes_is_at_most_a_small_part() -> None:
    content = " ".join(
        f"The {name} pump is essential to the plant." for name in ("red", "blue", "green", "amber", "grey")
    )

    made = asked(content)

    assert sum(d.answer.startswith("Yes.") for d in made.values()) <= 1 + len(made) // 7


def test_a_list_with_its_lead_in_is_one_answer() -> None:
    draft = asked(HANDBOOK.content)["Which documents are required for parental leave?"]

    assert draft.answer.splitlines()[1:] == [
        "- a birth certificate",
        "- the signed form P-3",
        "- a letter from the doctor",
    ]
    assert (draft.question_type, draft.difficulty) == ("list", "medium")


@pytest.mark.parametrize(
    ("content", "headings", "question"),
    [
        (
            "To reset the pump, do the following:\n\n1. Close the valve.\n2. Press reset.",
            (),
            "How do you reset the pump?",
        ),
        (
            "1. Switch off the alarm.\n2. Open the doors.\n3. Count the float.",
            ("Opening a terminal",),
            "What are the steps for opening a terminal?",
        ),
        ("The welcome box contains:\n\n- a uniform\n- a staff card", (), "What does the welcome box contain?"),
        ("Required documents:\n\n- a valid passport\n- two photographs", (), "What are the required documents?"),
        ("1. Call the fire brigade.\n2. Close all doors.", ("How to report a fire",), "How do you report a fire?"),
    ],
)
def test_lists_are_asked_for_by_what_introduces_them(content: str, headings: tuple[str, ...], question: str) -> None:
    assert question in asked(content, *headings)


# checklist 38
def test_a_table_gives_cells_rows_extremes_and_comparisons() -> None:
    content = (
        "The fleet has these vessels.\n\n| Vessel | Built | Length (m) | Cars | Engine |\n| --- | --- | --- | --- "
        "| --- |\n"
        "| Aurelia | 2004 | 87 | 72 | Diesel |\n| Brant | 1998 | 64 | 44 | Diesel |\n| Eider | 2023 | 61 | 40 | "
        "Electric |"
    )

    made = asked(content, "Fleet")

    response = {q.partition(", ")[2] or q: d for q, d in made.items()}
    answers = {d.answer for d in made.values()}
    assert any(re.fullmatch(r"\w+ was built in \d{4}\.", a) for a in answers)
    assert any(a.startswith("Aurelia has the greatest length, at 87 m.") for a in answers)
    assert any(d.question_type == "comparison" and "compare" in q for q, d in response.items())
    assert any("Aurelia and Brant have “Diesel” as their engine." in a for a in answers)
    assert {d.difficulty for d in made.values() if d.question_type == "comparison"} == {"hard"}


def test_no_superlative_is_taken_from_a_part_of_a_table() -> None:
    rows = "\n".join(f"| Port {c} | {n} |" for n, c in enumerate("ABCDEF", 3))
    alone = f"| Harbour | Berths |\n| --- | --- |\n{rows}"

    assert not any(d.question_type == "comparison" for d in asked(alone, "Harbours").values())
    assert any(
        d.question_type == "comparison" for d in asked(f"All harbours of the line.\n\n{alone}", "Harbours").values()
    )


def test_questions_in_the_text_are_taken_as_they_stand() -> None:
    made = asked("Tickets can be returned at any counter. A fee of 3 euros applies.", "FAQ", "Can I return a ticket?")

    assert made["Can I return a ticket?"].answer == "Tickets can be returned at any counter. A fee of 3 euros applies."
    assert "Is Wi-Fi free on board?" in asked("Q: Is Wi-Fi free on board?\n\nA: Wi-Fi is free for two hours on board.")


def test_a_pronoun_is_replaced_by_what_it_stands_for_and_both_sentences_are_evidence() -> None:
    made = asked("An Islander Card is a discount card for residents. It costs 20 euros a year.")

    draft = made["How much does an Islander Card cost a year?"]
    assert draft.answer == "An Islander Card costs 20 euros a year."
    assert draft.evidence == ("An Islander Card is a discount card for residents.", "It costs 20 euros a year.")


def test_two_terms_side_by_side_make_a_comparison() -> None:
    made = asked("A single ticket is valid for one sailing. A return ticket is valid for two sailings.")

    draft = made["What is the difference between a single ticket and a return ticket?"]
    assert draft.difficulty == "hard"
    assert len(draft.evidence) == 2


def test_a_vague_question_is_anchored_to_its_heading() -> None:
    made = asked("The gate closes 5 minutes before departure.", "Guide", "Car ferries")

    assert any(
        re.fullmatch(r"[A-Z][a-z ]+ car ferries, how long before departure does the gate close\?", q) for q in made
    )


@pytest.mark.parametrize(
    "content",
    [
        "",
        "   \n\n",
        "42",
        "| a | b |\n| --- | --- |",
        "# Heading only",
        "This is described above. It does so because they want it. These are the ones.",
        "Lorem ipsum dolor sit amet, consetetur sadipscing elitr, sed diam nonumy eirmod tempor invidunt ut labore.",
        "Die Fähre legt um 7 Uhr ab. Der Kapitän ist für die Sicherheit an Bord verantwortlich. Hunde fahren "
        "kostenlos mit.",
        "وعليه، فإن الحكومة المصرية تضع صوب أعينها خلال المرحلة القادمة.",
        "従業員は年間28日の有給休暇を取得できます。",
        "```python\ndef pump(is_on):\n    return 'The pump is a device that is kept for 3 days.'\n```",
        "Name: ______ Date: ______ Signature: ______",
        "See Figure 3. Copyright 2024 Acme. https://example.com/a?b=c",
    ],
)
def test_what_cannot_be_asked_well_is_not_asked(content: str) -> None:
    assert pairs(Passage(content)) == ()


def test_code_chunks_are_left_alone() -> None:
    assert pairs(Passage("A pump is a device that moves water.", content_type="code")) == ()


@pytest.mark.parametrize(
    ("word", "form", "base"),
    [
        ("founded", "past", "found"),
        ("found", "past", "find"),
        ("carries", "third", "carry"),
        ("stopped", "past", "stop"),
        ("written", "participle", "write"),
        ("applies", "third", "apply"),
        ("lying", "gerund", "lie"),
        ("submitted", "participle", "submit"),
        ("table", "base", None),
    ],
)
def test_verb_forms_lead_to_their_base(word: str, form: verbs.Form, base: str | None) -> None:
    assert verbs.base_of(word, form) == base

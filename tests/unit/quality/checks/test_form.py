"""Each defect is named by its word; what is merely unusual passes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.quality.checks import CHECKS, failing
from dataforge.quality.checks.record import CheckedRecord
from dataforge.records import Draft, Message

PASSAGE = "The warranty lasts two years. It covers defects of material. Claims are sent to the service desk."
GOOD = Draft("How long does the warranty last?", "The warranty lasts two years.")
PROMPT = "You are a careful writer of training data for the service desk of a large company that sells boilers."
LONG = " ".join(f"Sentence number {i} speaks of another thing entirely." for i in range(40))


def check(draft: Draft, *, passage: str, system_prompt: str = "", finish_reason: str = "stop") -> list[str]:
    record = CheckedRecord(
        draft.question, draft.answer, passage=passage, system_prompt=system_prompt, finish_reason=finish_reason
    )
    return failing(record)


def test_a_good_pair_passes() -> None:
    assert check(GOOD, passage=PASSAGE, system_prompt=PROMPT) == []


# checklist 104
@pytest.mark.parametrize(
    ("reason", "question", "answer"),
    [
        ("empty_question", "?", "Two years."),
        ("empty_answer", GOOD.question, "--"),
        ("question_too_short", "Why?", "Because of rust."),
        ("answer_too_long", GOOD.question, "word " * 2000 + "."),
        ("truncated", GOOD.question, "The warranty lasts two years and covers the"),
        ("truncated", GOOD.question, "It covers defects of material,"),
        ("truncated", GOOD.question, "It covers defects (of material"),
        ("unclosed_code", "How do you restart it?", "Type:\n```sh\nsystemctl restart pump"),
        ("prompt_leak", GOOD.question, "A careful writer of training data for the service desk of a large company."),
        ("prompt_leak", GOOD.question, 'Two years", "question_type": "numeric'),
        ("refusal", GOOD.question, "I'm sorry, but I cannot answer that."),
        ("refusal", GOOD.question, "As an AI language model, I have no warranty."),
        ("refusal", GOOD.question, "I cannot provide that information."),
        ("role_tokens", GOOD.question, "Two years.<|im_end|>"),
        ("role_tokens", GOOD.question, "Two years.\nUser: and then?"),
        ("role_tokens", "[INST] How long does the warranty last? [/INST]", "Two years."),
        ("question_repeated", GOOD.question, "How long does the warranty last?"),
        ("question_repeated", GOOD.question, "The warranty does last so long."),
        ("refers_to_passage", "According to the passage, how long does the warranty last?", "Two years."),
        ("refers_to_passage", "What does the text say about the warranty?", "It lasts two years."),
        ("refers_to_passage", "What is the main idea of this paragraph?", "The warranty."),
        ("refers_to_passage", "Which claims are mentioned above?", "Claims for material."),
        ("refers_to_passage", GOOD.question, "The document does not mention the warranty."),
    ],
)
def test_each_defect_is_named(reason: str, question: str, answer: str) -> None:
    assert reason in check(Draft(question, answer), passage=PASSAGE, system_prompt=PROMPT)


# checklist 104
def test_a_long_passage_handed_back_is_a_copy_and_a_short_one_is_an_answer() -> None:
    assert check(Draft("What is it all about?", LONG), passage=LONG + " End.")[-1] == "copy_of_passage"
    assert check(Draft("What does the warranty cover, and how long?", PASSAGE), passage=PASSAGE) == []


def test_a_reply_cut_off_by_its_limit_is_truncated_only_where_it_was_cut() -> None:
    cut = Draft(GOOD.question, "The warranty lasts two years if the pump")

    assert check(cut, passage=PASSAGE, finish_reason="length") == ["truncated"]
    assert check(GOOD, passage=PASSAGE, finish_reason="length") == []


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How much does a full drum weigh?", "42 kg"),
        ("In what year was the pump built?", "1987"),
        ("Which is heavier, the pump or the boiler?", "The boiler"),
        ("How do you print a line in Python?", "```python\nprint('a', end=\n)\n```"),
        ("What does `f(x)` return?", "`[1, 2, 3]`"),
        ("保証期間は？", "二年です"),
        ("ما هي مدة الضمان؟", "سنتان."),
        ("Does the warranty cover rust?", "No, the warranty does not cover rust."),
        ("Which colours are there?", "- red\n- green\n- blue"),
        ("Which signature must be on the document of purchase?", "The signature of the seller."),
        ("What does section 4 of the lease require?", "Section 4 requires a deposit of 500 EUR."),
        ("Where does the back passage lead?", "It leads to the boiler room."),
        ("What should an operator say?", "I'm sorry for the delay, we are on our way."),
        ("Who wrote the table of contents?", "The editor wrote it in 2019 (second edition)"),
        ("What is the ratio?", "3:1"),
    ],
)
def test_the_unusual_passes(question: str, answer: str) -> None:
    passage = PASSAGE + " Say: I'm sorry for the delay, we are on our way."

    assert check(Draft(question, answer), passage=passage, system_prompt=PROMPT) == []


@given(st.lists(st.sampled_from("ab"), max_size=40), st.lists(st.sampled_from("ab"), max_size=40), st.integers(0, 20))
def test_a_leak_is_any_twelve_words_running_of_the_prompt(prompt, written, copied):
    answer = [*written, *prompt[:copied]]
    response, text = " ".join(prompt), " ".join(["q", *answer])

    found = CHECKS["prompt_leak"].look(CheckedRecord("q", " ".join(answer), system_prompt=response))

    assert (found is not None) == any(
        f" {' '.join(prompt[i : i + 12])} " in f" {text} " for i in range(len(prompt) - 11)
    )


def test_a_summary_is_shorter_than_its_text_and_in_its_form() -> None:
    asked = "Shorten this text.\n\n"

    def of(answer: str, form: str = "") -> list[str]:
        question = asked + PASSAGE
        return failing(CheckedRecord(question, answer, kind="summary", material_at=len(asked), question_type=form))

    assert of("The warranty lasts two years and covers material.", "sentence") == []
    assert of(PASSAGE) == ["not_shorter"]
    assert of("The warranty lasts two years.", "bullets") == ["wrong_form"]


def test_a_label_is_one_of_those_to_choose_from() -> None:
    def of(answer: str) -> list[str]:
        return failing(CheckedRecord("Which topic?\n\nA text.", answer, kind="classification", labels=("Keys", "Dogs")))

    assert of("Dogs") == []
    assert of("Cats") == ["unknown_label"]


def test_later_turns_of_a_conversation_lean_on_earlier_ones() -> None:
    turns = (
        Message("user", "How long does the warranty of the pump last?"),
        Message("assistant", "It lasts two years."),
        Message("user", "And what does it cover?"),
        Message("assistant", "As mentioned above, it is the long one: it covers defects of material."),
        Message("user", "Thanks!"),
        Message("assistant", "You're welcome. Let me know if you need anything else."),
    )

    assert failing(CheckedRecord(turns[0].content, turns[-1].content, kind="conversation", turns=turns)) == []

"""Lines of the export formats: what a record brings along is context, not instruction."""

from __future__ import annotations

from dataforge.formats import FORMATS
from dataforge.records import Message

REQUEST, TEXT = "Shorten this text.", "The gate closes five minutes before departure."
ASKED = f"{REQUEST}\n\n{TEXT}"
MATERIAL_AT = len(REQUEST) + 2
PAIR = (Message("system", "Be brief."), Message("user", ASKED), Message("assistant", "It closes early."))


# checklist 44
def test_alpaca_keeps_the_text_that_a_question_brings_apart_from_the_request() -> None:
    line = FORMATS["alpaca"].line(PAIR, MATERIAL_AT)

    assert line == {"instruction": REQUEST, "input": TEXT, "output": "It closes early."}


# checklist 44
def test_a_question_that_brings_no_text_is_the_instruction() -> None:
    assert FORMATS["alpaca"].line(PAIR, None) == {"instruction": ASKED, "input": "", "output": "It closes early."}


# checklist 44
def test_chat_lines_hold_the_whole_message() -> None:
    assert FORMATS["chatml"].line(PAIR, MATERIAL_AT) == FORMATS["chatml"].line(PAIR, None)

r"""Replies with LaTeX in them: a model writes `\frac` with one backslash, and JSON takes `\f` for a form feed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.errors import BadReply
from dataforge.recipes import RECIPES
from dataforge.recipes.latex_escapes import protected
from dataforge.recipes.reply_json import objects
from dataforge.recipes.synthetic import asking, spec
from dataforge.recipes.synthetic.slots import RecordSlot
from dataforge.records import Answer, Passage, Question, Slot
from tests.support.corpus import DOCUMENTS, present

FORMULAS = [
    r"where $\text{depth}$ is measured",
    r"$\bar{x} \neq \binom{n}{r}$ when heaps are turned",
    r"$\nu = \tau + \theta$ below the path",
    r"\(\frac{1}{2} \times \rho\) in the second week",
    r"$\nabla f \not\in \tan\theta \to \top$",
    r"\beta, \bf bold and \rightarrow alone",
    r"\textbf{bold}, \forall and \begin{cases}",
]


def parsed(answer: str, *, damaged: bool = False) -> object:
    """What is read of an answer that a model wrote without escaping it. damaged: the reply needs the lenient reader."""
    reply = '{"pairs": [{"question": "q", "answer": "' + answer + '"}]' + ("," if damaged else "}")
    return objects(reply, fields=["question", "answer"])[0]["answer"]


@pytest.mark.parametrize("damaged", [False, True])
@pytest.mark.parametrize("formula", FORMULAS)
def test_commands_stay_with_one_backslash_and_with_two(formula: str, damaged: bool) -> None:
    assert parsed(formula, damaged=damaged) == formula
    assert parsed(formula.replace("\\", "\\\\"), damaged=damaged) == formula


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"first line\nnext line\n\tindented\r\nlast", "first line\nnext line\n\tindented\r\nlast"),
        (r"- one\n- two\nnot three", "- one\n- two\nnot three"),
        (r"if ready:\n\ttext = 1\n\ttop = 2\n\treturn text", "if ready:\n\ttext = 1\n\ttop = 2\n\treturn text"),
        (r"i. one\ni. two\ne. three\nu, four", "i. one\ni. two\ne. three\nu, four"),
        (r"Name\tText\tto\ttag", "Name\tText\tto\ttag"),
        (r"C:\\new\\text\\beta", r"C:\new\text\beta"),
        (r"It costs $5.\nnow", "It costs $5.\nnow"),
        (r"say \"hi\" \u00e9 \/", 'say "hi" é /'),
    ],
)
def test_line_ends_and_tabs_in_front_of_words_stay(written: str, meant: str) -> None:
    assert parsed(written) == meant


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="$")), max_size=8))
def test_what_is_escaped_as_json_wants_it_is_not_changed(lines: list[str]) -> None:
    reply = json.dumps({"pairs": [{"answer": "\n- ".join(lines)}]})

    assert protected(reply) == reply


def test_real_documents_are_not_changed() -> None:
    texts = [
        p.read_text("utf-8", "ignore") for p in sorted(present(DOCUMENTS).glob("*")) if p.suffix in {".md", ".txt"}
    ]

    changed = [t for t in texts if json.loads(protected(json.dumps([t]))) != [t] and "\f" not in t]

    assert texts
    assert not changed


def test_a_record_with_control_characters_is_asked_for_again() -> None:
    reply = '{"pairs": [{"question": "What is \\u0008ar?", "answer": "It is a bar.", "evidence": []}]}'
    slots = (Slot(0, "c"),)

    with pytest.raises(BadReply, match="write a backslash in a text as two"):
        RECIPES["qa"].read(Answer(reply, "m"), Question((), Passage("It is a bar."), slots))


def test_a_synthetic_record_with_control_characters_is_asked_for_again() -> None:
    request = {"schema": "instruction_v1", "domain": "bars", "count": 1, "model": "fast"}
    asked = spec.read(request, seed="s")
    reply = '{"records": [{"n": 1, "instruction": "What is \\u0008ar?", "input": "", "output": "It is a bar."}]}'

    reading = asking.read(asked, Answer(reply, "m"), [RecordSlot(0)])

    assert reading.payloads == (None,)
    assert "write a backslash in a text as two" in str(reading.problem)

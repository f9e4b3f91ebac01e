"""Almost-JSON under fuzz: what was whole comes out with exactly its text, no record gets a text of another, no input
takes long."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.damages import DAMAGES, KINDS, PIECES, Record, alike, dumped, usable
from dataforge.recipes.json_repair import Broken, read
from dataforge.recipes.reply_json import objects

TEXT = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map(" ".join).map(str.strip).filter(bool)
WILD = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\b\f"), min_size=1, max_size=40)
"""Without the two characters that no text holds: see `recipes.latex_escapes`."""


def shape(kind: str, text: st.SearchStrategy[str]) -> st.SearchStrategy[list[Record]]:
    level, quotes = st.sampled_from(["easy", "medium", "hard"]), st.lists(text, max_size=3)
    fields: dict[str, dict[str, st.SearchStrategy[Any]]] = {
        "qa": {
            "question": text,
            "answer": text,
            "question_type": st.just("factual"),
            "difficulty": level,
            "evidence": quotes,
        },
        "instruction": {
            "instruction": text,
            "input": text | st.just(""),
            "output": text,
            "task": st.just("extract"),
            "difficulty": level,
            "evidence": quotes,
        },
        "conversation": {
            "turns": st.lists(st.fixed_dictionaries({"user": text, "assistant": text}), min_size=2, max_size=3),
            "situation": st.just("case"),
            "difficulty": level,
            "evidence": quotes,
        },
        "summary": {"number": st.integers(1, 9), "request": text, "summary": text, "difficulty": level},
        "classification": {
            "number": st.integers(1, 9),
            "label": text,
            "request": text,
            "evidence": quotes,
            "difficulty": level,
        },
    }
    return st.lists(st.fixed_dictionaries(fields[kind]), min_size=1, max_size=4, unique_by=json.dumps)


KIND = st.sampled_from(sorted(KINDS))
REPLY = KIND.flatmap(lambda k: st.tuples(st.just(k), shape(k, TEXT)))
WILD_REPLY = KIND.flatmap(lambda k: st.tuples(st.just(k), shape(k, WILD)))
FIXED = [name for name, damage in DAMAGES.items() if damage.exact]
DOUBTFUL = [name for name, damage in DAMAGES.items() if not damage.exact]


@settings(max_examples=30, deadline=None)
@pytest.mark.parametrize("name", FIXED)
@given(REPLY)
def test_one_damage_is_mended_without_a_trace(name: str, reply: tuple[str, list[Record]]) -> None:
    kind, records = reply
    form = KINDS[kind]

    text = DAMAGES[name].do(form.key, records)

    found = objects(text, whole=form.whole, fields=form.fields)

    assert len(found) == len(records), text
    assert all(alike(f, r) for f, r in zip(found, records, strict=True)), (text, found)


@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("name", DOUBTFUL)
@given(REPLY)
def test_where_it_cannot_be_known_no_record_has_a_text_that_is_not_its_own(
    name: str, reply: tuple[str, list[Record]]
) -> None:
    kind, records = reply
    form = KINDS[kind]

    text = DAMAGES[name].do(form.key, records)

    found = objects(text, whole=form.whole, fields=form.fields)

    for one in usable(found, records[0]):
        assert any(alike(one, {k: v for k, v in r.items() if k != "evidence"}) for r in records), (text, one)


@settings(max_examples=150, deadline=None)
@given(
    REPLY | WILD_REPLY,
    st.sampled_from(
        ["none", "code fence", "prose around", "JSON lines", "single quotes", "Python literals", "trailing commas"]
    ),
    st.floats(0, 1),
)
def test_a_cut_anywhere_keeps_every_record_that_was_whole(
    reply: tuple[str, list[Record]], name: str, where: float
) -> None:
    kind, records = reply
    form = KINDS[kind]
    text = DAMAGES[name].do(form.key, records)
    at = int(len(text) * where)

    found = objects(text[:at], whole=form.whole, fields=form.fields)

    complete = _complete_before(name, form.key, records, at)
    assert [all(alike(f, r) for f, r in zip(found, records, strict=False))] == [True]
    assert complete <= len(found) <= len(records)


def _complete_before(name: str, key: str, records: list[Record], at: int) -> int:
    """Records whose closing brace stands before the cut."""
    count = 0
    for n in range(1, len(records) + 1):
        text = DAMAGES[name].do(key, records[:n])
        end = text.rstrip("`\n").rstrip()
        end = end.removesuffix("Say {if} you want more.").rstrip()
        while end and end[-1] in "]}, ":
            end = end[:-1]
        tail = text[len(end) :]
        # The record's own closers: all but those of the list and its wrapper.
        closers = [i for i, c in enumerate(tail) if c in "]}"]
        outer = 0 if name == "JSON lines" else 2
        last = closers[len(closers) - outer - 1] if len(closers) > outer else 0
        if at > len(end) + last:
            count = n
    return count


@settings(max_examples=100, deadline=None)
@given(WILD_REPLY)
def test_what_is_valid_is_read_as_any_reader_would(reply: tuple[str, list[Record]]) -> None:
    key, records = KINDS[reply[0]].key, reply[1]

    [root] = read(f"{dumped(key, records)}\nThat is it.")

    assert root == {key: records}
    assert not isinstance(root, Broken)


@settings(max_examples=150, deadline=None)
@given(
    REPLY,
    st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from([*"{}[]\",:'\\\n", "", "//", '"answer":'])), min_size=1, max_size=6
    ),
)
@example(("qa", [{"question": "a"}]), [(0.0, "{")])
def test_no_random_harm_raises(reply: tuple[str, list[Record]], harms: list[tuple[float, str]]) -> None:
    kind, records = reply
    form = KINDS[kind]
    text = dumped(form.key, records)
    for where, what in harms:
        at = int(len(text) * where)
        text = text[:at] + what + text[at + 1 :]

    assert isinstance(objects(text, whole=form.whole, fields=form.fields), list)


@given(st.text(st.sampled_from("{}[]\",:'\\\n a1“”/#*<think>`"), max_size=200))
def test_no_text_of_brackets_raises(text: str) -> None:
    assert isinstance(objects(text), list)


LONG = 200_000
HOSTILE = {
    name: (head + unit * (LONG // len(unit)) + tail)[: LONG + 40]
    for name, head, unit, tail in [
        ("braces", "", "{", ""),
        ("brackets", "", "[", ""),
        ("lists of texts", "", '["', ""),
        ("texts", "", '{"', ""),
        ("objects in objects", "", '{"a":', ""),
        ("objects in texts", "", '{"a":"', ""),
        ("quotes", '{"a": "', '"', ""),
        ("quotes and commas", '{"a": "', '",', ""),
        ("quotes and spaces", '{"a": "', '"' + " " * 50, ""),
        ("backslashes", '{"a": "', "\\", ""),
        ("comments", '{"a": "', '"/*', ""),
        ("line comments", '{"a": "b"', "//", ""),
        ("closers", '{"a": "', '"]', ""),
        ("one run of closers", '{"a": "x"', "]}", ""),
        ("keys", "{", '"a": 1, ', ""),
        ("a word", '{"a": ', "b", ""),
        ("digits", '{"a": ', "9", ""),
        ("think", "", "<think>", ""),
        ("unthink", "", "</think>", ""),
        ("braces in a text", '{"a": "', "{}", ""),
        ("objects", "", '{"a": 1} ', ""),
        ("cut objects", "", '{"question": "x", ', ""),
        ("spaces", '{"a": "b"', " ", "x"),
        ("commas", '{"a": "b"', ",", "x"),
        ("names", '{"a": "', '"a":', ""),
        ("broken texts", "", '{"question": "x, {"answer": "y, ', ""),
        ("triple quotes", '{"a": ', '"""', ""),
        ("thoughts", "", "<think></think>", ""),
    ]
}
HOSTILE["different objects"] = "".join(f'{{"a": {n}}}' for n in range(LONG // 12))


@pytest.mark.parametrize("name", HOSTILE)
def test_no_hostile_reply_takes_long(name: str) -> None:
    """200 kB, the most that is kept of a reply; twice as much takes about twice as long."""
    text = HOSTILE[name]
    started = time.process_time()
    objects(text)
    once = time.process_time() - started

    assert once < 3

    objects(text + text)
    assert time.process_time() - started - once < 6 * once + 0.2


def test_json_that_was_encoded_twice_is_read() -> None:
    reply = json.dumps({"pairs": [{"question": "q", "answer": "a \\n b"}]})

    assert objects(json.dumps(reply)) == objects(reply) == [{"question": "q", "answer": "a \\n b"}]

"""Files of training records are checked line by line: what is found, what is written, what stays in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataforge.errors import Invalid
from dataforge.quality.checks import CHECKS
from dataforge.quality.checks.check import Check, Signal
from dataforge.quality.policy import Policy
from dataforge.workflows.checking import file_records
from dataforge.workflows.checking.checking import CheckRequest, check_file
from tests.support import training_files
from tests.support.training_files import EXCHANGES, SHAPES


@pytest.fixture(autouse=True)
def two_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table holds two plain checks: what becomes of findings is tested here, not what is found."""
    for name in reversed(list(CHECKS)):  # taken back in the opposite order, so that theirs stays
        monkeypatch.delitem(CHECKS, name)
    monkeypatch.setitem(CHECKS, "shouting", Check(_shouting, "reject", "The answer shouts"))
    monkeypatch.setitem(CHECKS, "hedging", Check(_hedging, "review", "The answer is not sure"))


def _shouting(record: file_records.CheckedRecord) -> Signal | None:
    return Signal(words=(record.answer,)) if record.answer.isupper() else None


def _hedging(record: file_records.CheckedRecord) -> Signal | None:
    return Signal(words=("perhaps",)) if "perhaps" in record.answer.lower() else None


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_read(shape: str, tmp_path: Path) -> None:
    file = training_files.of_shape(shape, tmp_path / "set.jsonl")

    report = check_file(CheckRequest(file, processes=1))

    assert report["accepted"] == report["lines"] == len(EXCHANGES)
    assert report["problems"] == []


@pytest.mark.parametrize("shape", SHAPES)
def test_question_and_answer_are_those_of_the_line(shape: str) -> None:
    question, answer = EXCHANGES[0]

    record = file_records.read(SHAPES[shape](question, answer)).checked

    assert (record.question, record.answer, record.passage) == (question, answer, None)


def test_lines_that_hold_an_item_of_an_evaluation_set_are_rejected(tmp_path: Path) -> None:
    exam = training_files.write(tmp_path / "exam.jsonl", [SHAPES["chatml"](*EXCHANGES[0]), {"note": "no question"}])
    file = training_files.of_shape("alpaca", tmp_path / "set.jsonl")

    report = check_file(CheckRequest(file, against=[exam], processes=1))

    assert report["rejected_by_check"] == {"contaminated": 1}
    assert report["accepted"] == len(EXCHANGES) - 1


def test_an_evaluation_set_without_questions_is_refused(tmp_path: Path) -> None:
    exam = training_files.write(tmp_path / "exam.jsonl", [{"note": "no question"}])
    file = training_files.of_shape("alpaca", tmp_path / "set.jsonl")

    with pytest.raises(Invalid, match="holds no question"):
        check_file(CheckRequest(file, against=[exam], processes=1))


def test_every_line_has_one_outcome(tmp_path: Path) -> None:
    file = training_files.write(
        tmp_path / "mixed.jsonl",
        [
            SHAPES["chatml"](*EXCHANGES[0]),
            SHAPES["alpaca"]("Is the slipway open?", "Perhaps it is, from May."),
            "",
            SHAPES["chatml"]("Where is the crane?", "BEHIND THE FISH MARKET!"),
            "{broken",
            SHAPES["chatml"](*EXCHANGES[0]),
            {"prompt": "Where do I pay?"},
        ],
    )
    out, flagged, rejected, verdicts = (tmp_path / f"{n}.jsonl" for n in ("kept", "doubtful", "bad", "verdicts"))

    report = check_file(CheckRequest(file, out=out, flagged=flagged, rejected=rejected, verdicts=verdicts, processes=1))

    assert [report[n] for n in ("lines", "accepted", "flagged", "rejected", "unreadable")] == [6, 1, 1, 2, 2]
    assert report["rejected_by_check"] == {"near_duplicate": 1, "shouting": 1}
    assert report["flagged_by_check"] == {"hedging": 1}
    assert [p["line"] for p in report["problems"]] == [5, 7]
    assert "'completion' on line 7" in report["problems"][1]["message"]
    assert out.read_bytes() == file.read_bytes().splitlines(keepends=True)[0]
    assert [line["line"] for line in training_files.read(flagged)] == [2]
    assert [line["line"] for line in training_files.read(rejected)] == [4, 5, 6, 7]
    assert [line["outcome"] for line in training_files.read(verdicts)] == [
        "accepted",
        "flagged",
        "rejected",
        "unreadable",
        "rejected",
        "unreadable",
    ]


def test_a_rejected_line_can_be_taken_back(tmp_path: Path) -> None:
    line = SHAPES["chatml"]("Where is the crane?", "BEHIND THE FISH MARKET!")
    file, rejected = training_files.write(tmp_path / "set.jsonl", [line]), tmp_path / "bad.jsonl"

    check_file(CheckRequest(file, rejected=rejected, processes=1))

    (told,) = training_files.read(rejected)
    assert told["record"] == line
    assert told["findings"] == [
        {
            "check": "shouting",
            "outcome": "reject",
            "words": ["BEHIND THE FISH MARKET!"],
            "detail": "The answer shouts",
        }
    ]


def test_doubtful_lines_are_kept_unless_they_have_a_file(tmp_path: Path) -> None:
    lines = [SHAPES["chatml"](*EXCHANGES[0]), SHAPES["chatml"]("Is it open?", "Perhaps, on Mondays.")]
    file, out = training_files.write(tmp_path / "set.jsonl", lines), tmp_path / "kept.jsonl"

    check_file(CheckRequest(file, out=out, processes=1))

    assert training_files.read(out) == lines


def test_a_policy_moves_single_checks(tmp_path: Path) -> None:
    file = training_files.write(
        tmp_path / "set.jsonl",
        [SHAPES["chatml"]("Where is the crane?", "BEHIND THE MARKET!"), SHAPES["chatml"]("Open?", "Perhaps, today.")],
    )

    report = check_file(CheckRequest(file, Policy(single={"shouting": "review", "hedging": "off"}), processes=1))

    assert (report["accepted"], report["flagged_by_check"]) == (1, {"shouting": 1})


def test_several_processes_find_what_one_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("shouting", "hedging"):  # the other processes have the table as it is
        monkeypatch.delitem(CHECKS, name)
    numbers = range(450)
    lines = [SHAPES["chatml"](f"What is berth {n} like, and {n * 7} paces on?", f"Wide, {n} m.") for n in numbers]
    file = training_files.write(tmp_path / "set.jsonl", [*lines, "{", *lines[:5]])
    verdicts = [tmp_path / f"verdicts-{n}.jsonl" for n in (1, 2)]
    policy = Policy(single=dict.fromkeys(CHECKS, "off"))

    for processes, path in enumerate(verdicts, start=1):
        check_file(CheckRequest(file, policy, verdicts=path, processes=processes))

    assert verdicts[0].read_bytes() == verdicts[1].read_bytes()
    assert len(training_files.read(verdicts[0])) == 456


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it holds no lines"),
        ("\n \n", "it holds no lines"),
        ("[\n", "the file is one JSON array"),
        ('{"messages": 7}', "'messages' must be a list of messages, not a number on line 1"),
        ('{"instruction": "Sing"}', "Missing required field 'output' on line 1"),
        ("\x00\x01", "Invalid JSON on line 1"),
    ],
)
def test_a_file_without_a_readable_line_is_refused(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "set.jsonl"
    file.write_text(text)

    with pytest.raises(Invalid) as refused:
        check_file(CheckRequest(file, processes=1))

    assert said in refused.value.message


def test_hostile_lines_cost_only_themselves(tmp_path: Path) -> None:
    hostile = ['{"messages": ' * 5000, '{"a": 1e999}', '"text"', "[]", "null", '{"messages": [{"role": []}]}', "\ufeff"]
    file = training_files.write(tmp_path / "set.jsonl", [SHAPES["chatml"](*EXCHANGES[0]), *hostile])

    report = check_file(CheckRequest(file, processes=1))

    assert (report["accepted"], report["unreadable"]) == (1, len(hostile) - 1)


def test_the_page_shows_texts_as_text(tmp_path: Path) -> None:
    script = "<script>alert('boo')</script>"
    lines = [SHAPES["chatml"](f"Where is {script}?", f"PERHAPS {script.upper()}"), SHAPES["chatml"](script, "Here.")]
    file, page = training_files.write(tmp_path / "<b>set.jsonl", lines), tmp_path / "report.html"

    check_file(CheckRequest(file, html=page, processes=1))

    made = page.read_text("utf-8")
    assert "&lt;script&gt;alert" in made
    assert "<script" not in made.lower()
    assert "<b>" not in made
    assert "The answer shouts" in made


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    file, out = tmp_path / "set.jsonl", tmp_path / "kept.jsonl"
    line = '{"prompt": "Where is the crane?", "completion": "Behind the market."}'
    file.write_bytes(b"\xef\xbb\xbf" + line.encode() + b"\r\n")

    check_file(CheckRequest(file, out=out, processes=1))

    assert out.read_text() == line + "\n"


def test_a_text_under_context_is_the_source_and_not_the_question() -> None:
    passage = "The harbour office opens at nine on Saturdays and at seven on all other days of the week."

    read = file_records.read({"question": "When does it open?", "context": passage, "answer": "At nine."}).checked

    assert (read.question, read.passage) == ("When does it open?", passage)


def test_alpacas_input_is_material_of_the_request() -> None:
    read = file_records.read({"instruction": "Shorten this.", "input": "A long text.", "output": "Text."}).checked

    assert (read.request, read.passage) == ("Shorten this.", None)
    assert read.question.endswith("A long text.")


def test_a_conversation_is_checked_as_one() -> None:
    turns = [{"role": r, "content": t} for r, t in (("user", "Hi?"), ("assistant", "Yes."), ("user", "When?"))]

    read = file_records.read({"messages": [*turns, {"role": "assistant", "content": "At nine."}]}).checked

    assert (read.kind, read.question, read.answer, len(read.turns)) == ("conversation", "Hi?", "At nine.", 4)

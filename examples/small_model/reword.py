"""Write every question of an exported dataset in several wordings, and the held-out paraphrases with their answers.

    python examples/small_model/reword.py handbook.jsonl --out out/small-model

`train.jsonl`: each question as it is and in two other wordings, which teaches a small model that the same answer
belongs to all of them. `paraphrases.jsonl`: 20 questions written by hand (`paraphrases.jsonl` beside this program),
none of which is in `train.jsonl`, with the answers of the dataset. Needs nothing but Python.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

PARAPHRASES = Path(__file__).with_name("paraphrases.jsonl")
WORDINGS: tuple[Callable[[str], str], ...] = (
    lambda q: q.rstrip("?").lower(),
    lambda q: f"Can you tell me: {_uncapitalised(q)}",
    lambda q: f"{q} Thank you.",
    lambda q: f"A colleague asks {_uncapitalised(q)}",
    lambda q: f"Please answer: {q}",
)
OTHERS = 2
"""Wordings of a question besides its own; which of them, its number decides."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Several wordings of every question, and held-out paraphrases.")
    parser.add_argument("dataset", type=Path, help="pairs in ChatML, one question and one answer a line")
    parser.add_argument("--out", type=Path, required=True, help="folder for train.jsonl and paraphrases.jsonl")
    chosen = parser.parse_args()
    answers = dict(map(question_and_answer, chosen.dataset.read_text("utf-8").splitlines()))
    train = [
        (number, wording, answer)
        for number, (question, answer) in enumerate(answers.items())
        for wording in wordings(question, number)
    ]
    held_out = [json.loads(line) for line in PARAPHRASES.read_text("utf-8").splitlines()]
    missing = [p["question"] for p in held_out if p["question"] not in answers]
    if missing:
        sys.exit(f"{chosen.dataset} has not got these questions: {'; '.join(missing)}")
    known = {wording for _, wording, _ in train}
    leaked = [p["paraphrase"] for p in held_out if p["paraphrase"] in known]
    if leaked:
        sys.exit(f"These paraphrases are trained on: {'; '.join(leaked)}")
    write(chosen.out / "train.jsonl", train)
    numbers = {question: number for number, question in enumerate(answers)}
    asked = [(numbers[p["question"]], p["paraphrase"], answers[p["question"]]) for p in held_out]
    write(chosen.out / "paraphrases.jsonl", asked)
    print(f"{len(train)} lines of {len(answers)} questions, {len(asked)} held-out paraphrases, in {chosen.out}")


def question_and_answer(line: str) -> tuple[str, str]:
    question, answer = (message["content"] for message in json.loads(line)["messages"])
    return question, answer


def wordings(question: str, number: int) -> list[str]:
    others = [WORDINGS[(OTHERS * number + n) % len(WORDINGS)] for n in range(OTHERS)]
    return [question, *(reword(question) for reword in others)]


def write(path: Path, lines: list[tuple[int, str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as out:
        for number, question, answer in lines:
            said = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
            out.write(json.dumps({"id": number, "messages": said}, ensure_ascii=False) + "\n")


def _uncapitalised(text: str) -> str:
    return text[:1].lower() + text[1:]


if __name__ == "__main__":
    main()

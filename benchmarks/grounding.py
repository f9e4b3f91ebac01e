"""Grounding measured: AUC per kind of wrong answer, on a labelled set built from XQuAD (English).

    python benchmarks/grounding.py [--data ../shared/corpus/xquad.en.json] [--fit]

Right answers are the annotated spans, and the clause around them. Wrong answers of five kinds are made from them:
another article's passage, a number changed, a name changed for one of another passage, a negation put in or taken
out, another answer of the same passage. Even articles are for fitting (--fit), odd articles for reporting. The
makers of wrong answers are independent of the code that is measured.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np

from dataforge.quality.grounding import Features, features, ground

KINDS = ("other article", "number changed", "name changed", "negated", "other answer")
DATA = Path(__file__).parents[2] / "shared/corpus/xquad.en.json"
_AUXILIARY = re.compile(r"\b(is|are|was|were|has|have|had|can|could|will|would|must|did|does)\b(?! not)")
_FINITE = re.compile(r"\b(\w{3,}ed)\b")
_NEGATION = re.compile(r"\b(is|are|was|were|has|have|had|can|could|will|would|must|did|does) (not|never) ")


@dataclass(frozen=True, slots=True)
class Case:
    question: str
    answer: str
    passage: str
    kind: str
    """`right`, or one of KINDS."""
    form: str
    """`span` or `clause`: right and wrong answers are compared within one form."""


@dataclass(frozen=True, slots=True)
class _Asked:
    question: str
    span: str
    clause: str
    passage: str
    others: tuple[str, ...]


def cases(path: Path, *, odd: bool, seed: int = 0) -> list[Case]:
    """The labelled set of every second article."""
    rng = random.Random(seed)
    articles = [list(_asked(article)) for article in json.loads(path.read_text("utf-8"))["data"]]
    mine = [a for i, a in enumerate(articles) if i % 2 == odd and a]
    made: list[Case] = []
    for article in mine:
        elsewhere = [a.passage for other in mine if other is not article for a in other]
        names = [n for p in elsewhere for n in _names(p)]
        for asked in article:
            made += _of(asked, rng.choice(elsewhere), names, rng)
    return made


def _asked(article: dict[str, object]) -> Iterator[_Asked]:
    for paragraph in article["paragraphs"]:  # type: ignore[attr-defined]
        context, qas = paragraph["context"], paragraph["qas"]
        for qa in qas:
            span, start = qa["answers"][0]["text"], qa["answers"][0]["answer_start"]
            others = tuple(
                o["answers"][0]["text"]
                for o in qas
                if span not in o["answers"][0]["text"] and o["answers"][0]["text"] not in span
            )
            yield _Asked(qa["question"], span, _clause(context, start, start + len(span)), context, others)


def _clause(text: str, start: int, end: int) -> str:
    """The answer with up to eight words on each side, within its sentence."""
    left = re.split(r"[.!?]\s", text[:start])[-1].split()[-8:]
    right = re.split(r"[.!?](?:\s|$)", text[end:])[0].split()[:8]
    return " ".join([*left, text[start:end], *right])


def _names(text: str) -> list[str]:
    return re.findall(r"(?<=[a-z,] )[A-Z][a-z]+(?: [A-Z][a-z]+)*", text)


def _of(asked: _Asked, elsewhere: str, names: Sequence[str], rng: random.Random) -> Iterator[Case]:
    for form, text in (("span", asked.span), ("clause", asked.clause)):
        yield Case(asked.question, text, asked.passage, "right", form)
        yield Case(asked.question, text, elsewhere, "other article", form)
        if form == "span" and asked.others:
            yield Case(asked.question, rng.choice(asked.others), asked.passage, "other answer", form)
        for kind, wrong in (
            ("number changed", _other_number(text, asked.passage, rng)),
            ("name changed", _other_name(text, asked.passage, names, rng)),
            ("negated", _negated(text) if form == "clause" else None),
        ):
            if wrong:
                yield Case(asked.question, wrong, asked.passage, kind, form)


def _other_number(text: str, passage: str, rng: random.Random) -> str | None:
    found = re.search(r"\d+", text)
    if not found:
        return None
    length = len(found.group())
    fresh = [n for _ in range(30) if (n := str(rng.randrange(10 ** (length - 1), 10**length))) not in passage]
    return text[: found.start()] + fresh[0] + text[found.end() :] if fresh else None


def _other_name(text: str, passage: str, names: Sequence[str], rng: random.Random) -> str | None:
    found = re.search(r"(?:(?<=[a-z,] )|^)[A-Z][a-z]+(?: [A-Z][a-z]+)*", text)
    fresh = [n for n in rng.sample(names, 20) if n not in passage]
    return text[: found.start()] + fresh[0] + text[found.end() :] if found and fresh else None


def _negated(text: str) -> str | None:
    if _NEGATION.search(text):
        return _NEGATION.sub(r"\1 ", text, count=1)
    if _AUXILIARY.search(text):
        return _AUXILIARY.sub(r"\1 not", text, count=1)
    return _FINITE.sub(r"never \1", text, count=1) if _FINITE.search(text) else None


def auc(right: Sequence[float], wrong: Sequence[float]) -> float:
    """Chance that a right answer scores above a wrong one, ties counted half."""
    r, w = np.asarray(right)[:, None], np.asarray(wrong)[None, :]
    return float(np.mean((r > w) + 0.5 * (r == w)))


def measure(labelled: Sequence[Case], score: Callable[[Case], float]) -> dict[str, float]:
    """AUC by kind, and over all (`all`), right answers against wrong ones of the same form."""
    scored = [(c.kind, c.form, score(c)) for c in labelled]
    table: dict[str, float] = {}
    for kind in KINDS:
        forms = {f for k, f, _ in scored if k == kind}
        parts = [
            (
                [s for k, f, s in scored if k == "right" and f == form],
                [s for k, f, s in scored if k == kind and f == form],
            )
            for form in sorted(forms)
        ]
        table[kind] = float(np.average([auc(*p) for p in parts], weights=[len(p[1]) for p in parts]))
    table["all"] = auc([s for k, _, s in scored if k == "right"], [s for k, _, s in scored if k != "right"])
    return table


def contained(case: Case) -> float:
    """The baseline: share of the answer's words that the passage holds."""
    words = re.findall(r"\w+", case.answer.lower())
    there = set(re.findall(r"\w+", case.passage.lower()))
    return sum(w in there for w in words) / max(1, len(words))


def fit(labelled: Sequence[Case]) -> tuple[list[float], float]:
    """Logistic regression (Newton steps, a little ridge), every kind and form weighing the same as its right half."""
    x = np.array([[*astuple(features(c.answer, c.passage, c.question)), 1.0] for c in labelled])
    y = np.array([c.kind == "right" for c in labelled], dtype=float)
    counts = {k: sum(c.kind == k for c in labelled) for k in ("right", *KINDS)}
    share = np.array([1.0 / counts[c.kind] * (len(KINDS) if c.kind == "right" else 1) for c in labelled])
    share *= len(labelled) / share.sum()
    weights = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ weights))
        slope = x.T @ (share * (y - p)) - weights
        bend = (x * (share * p * (1 - p))[:, None]).T @ x + np.eye(x.shape[1])
        weights += np.linalg.solve(bend, slope)
    return weights[:-1].tolist(), float(weights[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--fit", action="store_true", help="fit on the even articles and print the weights")
    options = parser.parse_args()
    if options.fit:
        weights, bias = fit(cases(options.data, odd=False))
        named = zip(fields(Features), weights, strict=True)
        print(", ".join(f"{f.name}={w:.2f}" for f, w in named), f"bias={bias:.2f}")
    held_out = cases(options.data, odd=True)
    began = time.process_time()
    ours = measure(held_out, lambda c: ground(c.answer, c.passage, question=c.question).score)
    spent = (time.process_time() - began) / len(held_out)
    base = measure(held_out, contained)
    print(f"| AUC, {len(held_out)} cases of held-out articles | " + " | ".join(("all", *KINDS)) + " |")
    print("|---" * (len(KINDS) + 2) + "|")
    for name, table in (("token containment", base), ("grounding", ours)):
        print(f"| {name} | " + " | ".join(f"{table[k]:.3f}" for k in ("all", *KINDS)) + " |")
    print(f"\n{spent * 1000:.2f} ms CPU a record. Reproduce: python benchmarks/grounding.py")


if __name__ == "__main__":
    sys.exit(main())

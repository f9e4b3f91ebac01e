"""What the offline teacher makes of real documents: `python -m benchmarks.extractive FILE_OR_FOLDER ... [--why]`.

A .json file is read as SQuAD: its paragraphs are passages. --why says, for the sentences without a pair, which gate
dropped them; --pairs prints every pair; --draw N prints N pairs drawn over all documents with a fixed seed, to be
read and graded.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from dataforge import chunking
from dataforge.errors import Unreadable
from dataforge.parsing.isolate import parse_isolated
from dataforge.records import Draft, Passage
from dataforge.teachers.extractive import pairs, ranking, scene, statements

KINDS = (".pdf", ".docx", ".md", ".txt", ".html", ".csv")
GATES = ("pair", "unusable", "no clause", "no candidate", "not chosen")


def passages(path: Path) -> list[Passage]:
    """Empty when the document cannot be read."""
    if path.suffix == ".json":
        articles = json.loads(path.read_text())["data"]
        return [
            Passage(p["context"], (a["title"].replace("_", " "),) if a.get("title") else (), document_name=path.name)
            for a in articles
            for p in a["paragraphs"]
        ]
    try:
        parsed = parse_isolated(path, filename=path.name)
    except Unreadable:
        return []
    return [Passage(c.content, c.heading_path, c.content_type, path.name) for c in chunking.chunk(parsed)]


def gates(passage: Passage, made: tuple[Draft, ...]) -> Iterator[tuple[str, str]]:
    """(gate, sentence): how far each sentence of the prose came."""
    read = scene.read(passage)
    if passage.content_type == "code" or not read.english:
        return
    asked = {e for d in made for e in d.evidence}
    said = {s.evidence[-1]: s for s in statements.read(read)}
    offered = {e for c in ranking.offered(read) for e in c.evidence}
    for sentence in read.sentences:
        raw = sentence.raw
        if raw in asked:
            yield "pair", sentence.text
        elif raw in offered:
            yield "not chosen", sentence.text
        elif raw not in said:
            yield "unusable", sentence.text
        else:
            yield ("no candidate" if said[raw].clauses else "no clause"), sentence.text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", type=Path, nargs="*", default=[Path("examples/handbook")])
    parser.add_argument("--why", action="store_true", help="list the sentences without a pair, by gate")
    parser.add_argument("--pairs", action="store_true", help="print every pair")
    parser.add_argument("--draw", type=int, default=0, help="print this many pairs, drawn with seed 7")
    options = parser.parse_args()
    files = sorted(
        f for p in options.paths for f in (p.rglob("*") if p.is_dir() else [p]) if f.suffix in (*KINDS, ".json")
    )
    print(f"{'document':34}{'chunks':>7}{'sent.':>7}{'pairs':>7}{'/sent.':>8}{'pass./s':>9}  by kind; gates")
    everything: list[tuple[str, Draft]] = []
    for path in files:
        everything += [(path.name, d) for d in measure(path, why=options.why, show=options.pairs)]
    drawn = random.Random(7).sample(everything, min(options.draw, len(everything)))
    for number, (name, draft) in enumerate(drawn, 1):
        print(f"\n{number}. [{name}, {draft.question_type}]\nQ: {draft.question}\nA: {draft.answer}")
    print("reproduce: python -m benchmarks.extractive", *options.paths)


def measure(path: Path, *, why: bool, show: bool) -> list[Draft]:
    found = passages(path)
    began = time.perf_counter()
    made = [pairs(p) for p in found]
    spent = time.perf_counter() - began
    gated = [g for p, m in zip(found, made, strict=True) for g in gates(p, m)]
    count = Counter(gate for gate, _ in gated)
    drafts = [d for m in made for d in m]
    kinds = " ".join(f"{k} {n}" for k, n in Counter(d.question_type for d in drafts).most_common())
    rate = len(drafts) / len(gated) if gated else 0.0
    speed = len(found) / spent if spent else 0.0
    print(
        f"{path.name[:32]:34}{len(found):>7}{len(gated):>7}{len(drafts):>7}{rate:>8.2f}{speed:>9.0f}  {kinds}; "
        f"{', '.join(f'{g} {count[g]}' for g in GATES)}"
    )
    for gate in GATES[1:] if why else ():
        for text in (t for g, t in gated if g == gate):
            print(f"  {gate:13}{text}")
    for draft in drafts if show else ():
        print(f"  {draft.question_type:12}Q: {draft.question}\n{'':14}A: {draft.answer[:200]}")
    return drafts


if __name__ == "__main__":
    main()

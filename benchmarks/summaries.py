"""What the offline summaries keep of what people ask about: `python -m benchmarks.summaries XQUAD.json`.

XQuAD's questions were written by people who read the passage; a summary that keeps more of the answers, at the same
length, keeps more of what matters. Compared with the first sentences and with sentences drawn at random, each cut to
the number of words of the summary: share of the answers whose text stands in it.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

from dataforge.teachers.extractive.summaries import summary_of
from dataforge.text.normal_forms import normalise
from dataforge.text.sentences import sentences

ROUNDS = 50
"""Draws of the random baseline."""


def within(said: list[str], words: int) -> str:
    """The sentences in their order, cut after so many words."""
    return normalise(" ".join(" ".join(said).split()[:words]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("xquad", type=Path)
    options = parser.parse_args()
    kept = {"extractive": 0.0, "first sentences": 0.0, "random sentences": 0.0}
    passages = answers = summarised = 0
    share = 0.0
    drawn = random.Random(7)
    for article in json.loads(options.xquad.read_text())["data"]:
        for paragraph in article["paragraphs"]:
            passages += 1
            context = paragraph["context"]
            made = summary_of(context, (), "paragraph", "mixed")
            if made is None:
                continue
            summarised += 1
            text = made[1].answer
            words = len(text.split())
            share += words / len(context.split())
            said = [s.text for s in sentences(context)]
            shuffled = [within(drawn.sample(said, len(said)), words) for _ in range(ROUNDS)]
            for asked in paragraph["qas"]:
                answers += 1
                answer = normalise(asked["answers"][0]["text"])
                kept["extractive"] += answer in normalise(text)
                kept["first sentences"] += answer in within(said, words)
                kept["random sentences"] += sum(answer in s for s in shuffled) / ROUNDS
    mean = share / summarised
    print(f"{summarised} of {passages} passages summarised, to {mean:.0%} of their words; {answers} answers")
    for name, held in kept.items():
        print(f"{name:18}{held / answers:.3f} of the answers kept")
    print("reproduce: python -m benchmarks.summaries", options.xquad)


if __name__ == "__main__":
    main()

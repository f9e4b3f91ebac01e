"""What capable models say to the questions of a synthetic run, distinguished by the rules that they begin with."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

Body = dict[str, Any]
_WORDS = ("fees", "rules", "lists", "logs", "plans")
TOPICS = [f"{noun} {word}" for noun in ("berth", "cargo", "pilot", "tide") for word in _WORDS]
"""Twenty: a run of twenty records has one on each, whatever its seed."""


def said(seed: str, count: int = 12) -> str:
    """A sentence like no other."""
    rng = random.Random(seed)
    return " ".join("".join(rng.choices("abcdefghijklmnoprstuvwxyz", k=7)) for _ in range(count)).capitalize() + "."


def topics(_: str) -> str:
    return json.dumps({"topics": TOPICS})


def preferences(shown: str) -> str:
    return json.dumps(
        {
            "records": [
                {
                    "n": n,
                    "prompt": f"How of {said(f'{t}/p', 6)}",
                    "chosen": f"Well: {said(f'{t}/c')}",
                    "rejected": said(f"{t}/r"),
                }
                for n, t in enumerate(re.findall(r"Sub-topic: (.+)", shown), 1)
            ]
        }
    )


def instructions(shown: str) -> str:
    """By all of a brief, so that a second record on a sub-topic is another one; other ones in a top-up."""
    again = "Already written" in shown
    briefs = [f"{b}{again}" for b in re.findall(r"Sub-topic: .+\nWho speaks: .+\nAngle: .+", shown)]
    return json.dumps(
        {
            "records": [
                {"n": n, "instruction": f"Tell of {said(f'{b}/i', 6)}", "input": "", "output": said(f"{b}/o")}
                for n, b in enumerate(briefs, 1)
            ]
        }
    )


def comparisons(shown: str) -> str:
    return json.dumps(
        {
            "comparisons": [
                {
                    "n": int(n),
                    "a": 9.0 if a.startswith("Well:") else 4.0,
                    "b": 4.0 if a.startswith("Well:") else 9.0,
                    "reasoning": "The stronger response is complete.",
                }
                for n, a in re.findall(r'<comparison n="(\d+)">.*?<a>\n(.*?)\n</a>', shown, re.DOTALL)
            ]
        }
    )


def verdicts(shown: str) -> str:
    return json.dumps(
        {
            "verdicts": [
                {"n": int(n), "relevance": 9.0, "accuracy": 8.0, "completeness": 8.5}
                for n in re.findall(r'<record n="(\d+)"', shown)
            ]
        }
    )


def checks(shown: str) -> str:
    return json.dumps({"checks": [{"n": int(n), "violated": []} for n in re.findall(r'<record n="(\d+)"', shown)]})


VOICES: dict[str, Callable[[str], str]] = {
    "taxonomy": topics,
    "preference": preferences,
    "instruction": instructions,
    "critic": comparisons,
    "judge": verdicts,
    "invariants": checks,
}
_RULES = {
    "You map a subject area": "taxonomy",
    "You compare two answers": "critic",
    "You judge records": "judge",
    "You check records": "invariants",
}


def kind_of(body: Body) -> str:
    rules = body["messages"][0]["content"]
    for beginning, kind in _RULES.items():
        if rules.startswith(beginning):
            return kind
    return "preference" if '"chosen"' in rules else "instruction"


def scripted_reply(body: Body) -> str:
    return VOICES[kind_of(body)](body["messages"][1]["content"])

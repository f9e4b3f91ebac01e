"""Texts that make slow patterns slow, and a measure of how work grows with them.

A pattern is attacked with what it is made of: the characters of its classes, what its repetitions repeat, and the
beginnings of what it matches, each again and again, with an end that does not fit. A function is attacked with pieces
of every kind of mark-up that the package reads or writes.
"""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

SIZES = (64, 1024, 8192)
"""Characters. The first steps find what grows so fast that the last would never end."""
SUSPICIOUS = 0.04
"""Seconds of this thread's processor time; linear work over so few characters takes a hundredth of it."""
STEP, MOST_RATIO = 4, 8.0
"""Four times the text: four times the work if it is linear, sixteen times if it is quadratic."""
MOST_ATTACKS = 200
"""On one pattern: long alternations are all alike."""
GIVE_UP = 2.0
"""Seconds after which a single run is stopped."""

MARKS = (
    *"\n \t#*_`[]()<>{}\"'\\|~.,;:!?-+=$&%/1aAé中あ\u0301\u200b\u00a0\u2026\u201c\u2019。",
    *(
        "# a\n",
        "## \n",
        "a\n\n",
        "\n \n",
        " \n",
        "a ",
        "A ",
        "A. ",
        "a. ",
        "a.\n",
        "Ab cd. ",
        "1. ",
        "1.1",
        "1,1",
        "1) a\n",
    ),
    *(
        "- a\n",
        "- ",
        "* ",
        "**a ",
        "**a",
        "__a ",
        "*a ",
        "`a",
        "```\n",
        "``` ",
        "~~~\n",
        "[a",
        "[](",
        "[a](b ",
        "![",
        "[1]",
    ),
    *(
        ".''' ",
        "?\n",
        "? ",
        "a? ",
        "??a",
        "<!--",
        "<!-- -->",
        "<a ",
        "<a>",
        "</a>",
        "<b\n",
        "<think>",
        "</think>\n",
        "<|",
        "|>",
    ),
    *(
        '{"a":',
        '{"a":[',
        '[{"a":1},',
        '{"a":"',
        '"a":1,',
        "{{",
        "}}",
        "[[",
        "]]",
        '\\"',
        "\\u0041",
        '":"',
        "//a\n",
        "/*",
    ),
    *(
        "| a |\n",
        "|---|\n",
        "a\tb\n",
        "a,b\n",
        "a;b\n",
        '"a",',
        "not ",
        "user: ",
        "system:\n",
        "Dear a\n",
        "### response\n",
    ),
    *(
        "a@b.c ",
        "http://a.b/c ",
        "e.g. ",
        "Mr. ",
        "U.S. ",
        "5 kg ",
        "1 000 ",
        "Anna Bell ",
        "of the ",
        "the text says ",
        "aaaa aa ",
    ),
    *(
        "&amp;",
        "&#1;",
        "$a$",
        "\\(a\\)",
        "x = 1\n",
        "    a\n",
        "> a\n",
        "a:\n- b\n\n",
        "sk_a",
        "Bearer ",
        "title: ",
        "---\n",
    ),
)
"""Repeated, they are what a document, a reply or a request may consist of."""


@dataclass(frozen=True)
class Attack:
    """before, then `piece` as often as fits, then after."""

    piece: str
    before: str = ""
    after: str = ""

    def of(self, size: int) -> str:
        return self.before + self.piece * max(1, size // len(self.piece)) + self.after

    def __repr__(self) -> str:
        return f"{self.before!r} + {self.piece!r} * n + {self.after!r}"


class TooSlow(Exception):
    """A single run took longer than GIVE_UP."""


@contextmanager
def stopped_in_time(seconds: float = GIVE_UP) -> Iterator[None]:
    """Raises TooSlow out of a pattern that would not end; only the main thread can be interrupted so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def seconds(run: Callable[[str], object], text: str) -> float:
    """Of the processor. What the run raises is part of its work."""
    began = time.thread_time()
    with stopped_in_time():
        try:
            run(text)
        except TooSlow:
            raise
        except Exception:
            pass
    return time.thread_time() - began


def grows_too_fast(
    run: Callable[[str], object],
    attack: Attack,
    sizes: tuple[int, ...] = SIZES,
    suspicious: float = SUSPICIOUS,
) -> str | None:
    """What was measured, where the work grows faster than the text."""
    for size in sizes:
        try:
            if seconds(run, attack.of(size)) < suspicious:
                continue
            less = min(seconds(run, attack.of(size // STEP)) for _ in range(3))
            more = min(seconds(run, attack.of(size)) for _ in range(3))
        except TooSlow:
            return f"{attack}: {size} characters take more than {GIVE_UP} s"
        if more >= suspicious and more > MOST_RATIO * less:
            return f"{attack}: {size // STEP} characters take {less:.4f} s, {size} take {more:.4f} s"
    return None


def attacks_on(pattern: re.Pattern[Any]) -> list[Attack]:
    """Made of what the pattern itself is made of."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    flags = pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags
    found = _Anatomy(parser.parse(source, flags & ~re.DEBUG))
    pieces = list(dict.fromkeys(p for p in (*found.characters, *found.pumps, *found.beginnings) if p))
    made = [Attack(piece, after=after) for piece in pieces for after in ("", "\0", "\n!")]
    made += [Attack(begin + between) for begin in found.beginnings for between in ("a", " ", "\n", "a ")]
    made += [
        Attack(pump, begin, "\0")
        for begin in found.beginnings
        for pump in dict.fromkeys([*found.pumps, *" \na"])
        if pump
    ]
    made = list(dict.fromkeys(made))
    return made[:: -(-len(made) // MOST_ATTACKS)]


class _Anatomy:
    """characters: one of each class; pumps: what is repeated; beginnings: what comes before each part."""

    MOST = 40

    def __init__(self, tree: Any) -> None:
        self.characters: list[str] = []
        self.pumps: list[str] = []
        self.beginnings: list[str] = []
        self._groups: dict[int, str] = {}
        self._sequence(tree, "")
        self.characters = list(dict.fromkeys(self.characters))[: self.MOST]
        self.pumps = list(dict.fromkeys(self.pumps))[: self.MOST]
        self.beginnings = list(dict.fromkeys(self.beginnings))[: self.MOST]

    def _sequence(self, tree: Any, before: str) -> str:
        """An example of what the parts match."""
        made = ""
        for op, value in tree:
            made += self._part(op, value, before + made)
            if made:
                self.beginnings.append(before + made)
        return made

    def _part(self, op: Any, value: Any, before: str) -> str:
        if op in (sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY, sre.CATEGORY, sre.RANGE):
            found = self._examples(op, value)
            self.characters += found
            return found[0]
        if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            least, most, inner = value
            once = self._sequence(inner, before)
            if most > 8:
                self.pumps.append(once)
                self.pumps += self.characters[-4:]
            return once * max(least, 1 if most > 8 or least else 0)
        if op is sre.SUBPATTERN:
            made = self._sequence(value[3], before)
            if value[0] is not None:
                self._groups[value[0]] = made
            return made
        if op is sre.BRANCH:
            made = [self._sequence(branch, before) for branch in value[1]]
            return max(made, key=len) if made else ""
        if op is sre.ATOMIC_GROUP:
            return self._sequence(value, before)
        if op in (sre.ASSERT, sre.ASSERT_NOT):
            self._sequence(value[1], before)
            return ""
        if op is sre.GROUPREF:
            return self._groups.get(value, "")
        return ""

    def _examples(self, op: Any, value: Any) -> list[str]:
        if op is sre.LITERAL:
            return [chr(value)]
        if op is sre.NOT_LITERAL:
            return ["x" if value != ord("x") else "y"]
        if op is sre.ANY:
            return ["x"]
        if op is sre.RANGE:
            return [chr(value[0])]
        if op is sre.CATEGORY:
            return list(_OF_CATEGORY.get(str(value), "a"))
        if value and value[0][0] is sre.NEGATE:
            inner = re.compile("|".join(self._excluded(o, v) for o, v in value[1:]) or "(?!)")
            return [c for c in "a 1\n!Aé-" if not inner.match(c)][:3] or ["\u4e2d"]
        return [c for o, v in value for c in self._examples(o, v)][:6] or ["a"]

    @staticmethod
    def _excluded(op: Any, value: Any) -> str:
        if op is sre.LITERAL:
            return re.escape(chr(value))
        if op is sre.RANGE:
            return f"[{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}]"
        return {
            "CATEGORY_DIGIT": r"\d",
            "CATEGORY_SPACE": r"\s",
            "CATEGORY_WORD": r"\w",
            "CATEGORY_NOT_DIGIT": r"\D",
            "CATEGORY_NOT_SPACE": r"\S",
            "CATEGORY_NOT_WORD": r"\W",
        }.get(str(value), "(?!)")


_OF_CATEGORY = {
    "CATEGORY_DIGIT": "1",
    "CATEGORY_SPACE": " \n",
    "CATEGORY_WORD": "a",
    "CATEGORY_NOT_DIGIT": "a",
    "CATEGORY_NOT_SPACE": "a",
    "CATEGORY_NOT_WORD": "! ",
}

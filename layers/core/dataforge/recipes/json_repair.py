"""Almost-JSON, as models write it, in one pass: every object that is whole comes out with exactly its text.

Read as it was meant: other quotes, bare keys and words, Python's literals, comments, commas and closing brackets too
many or too few, doubled braces, line ends and quotes that are not escaped. A quote ends a text only where what follows
could follow it. Where an object cannot be read with certainty it is `Broken`: whoever wants records leaves it out, for
half a record, or one with a piece of the next, is worse than none. The work is linear: no character is looked at again
but by patterns of bounded length.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

MOST_DEPTH = 64
"""Brackets without end, which small models fall into, hold nothing to read."""
MOST_KEY = 60
_CLOSERS = {'"': '"', "'": "'", "“": "“”", "”": "“”", "‘": "‘’", "’": "‘’", "„": "“”", "«": "»"}
_SPECIAL = {closers: re.compile(rf"[\\{closers}]") for closers in set(_CLOSERS.values())}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\", "/": "/", "\n": "\n"}
_CODE = re.compile(r"u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|U(000[0-9a-fA-F]{5}|0010[0-9a-fA-F]{4})")
_Q = "[\"'“”‘’„«»]"
_SPACE_OF = r"(?:\s++|(?://|\#)[^\n]{0,200}+(?=\n)|/\*[^*]{0,200}+\*/)*+"
_SPACE = re.compile(_SPACE_OF)
_VALUE_OF = rf"(?:{_Q}|[{{\[\-\d]|(?:true|false|null|True|False|None)\b|\Z)"
_NAMED_OF = rf"{_Q}(?:[A-Za-z_][\w \-]{{0,{MOST_KEY}}}){_Q}\s*+:\s*+{_VALUE_OF}"
_NAMED = re.compile(_NAMED_OF.replace("(?:", "(", 1))
_BARE_KEY = re.compile(r"([A-Za-z_$][\w$-]{0,60})\s*+:")
_OBJECT_OF = (
    rf"\{{++{_SPACE_OF}(?:{_NAMED_OF}|[A-Za-z_$][\w$-]{{0,{MOST_KEY}}}+\s*+(?::|\Z)|\}}|\Z|"
    rf"{_Q}[\w \-]{{0,{MOST_KEY}}}+(?:{_Q}\s*+(?::\s*+)?)?\Z)"
)
_CLOSER = re.compile(r"\s{0,50}([}\]])")
_LINE_END = re.compile(r"[ \t]*+(?:[\r\n]|\Z)")
_KEYS = {
    closers: re.compile(rf"{_Q}((?:[^\\\n{closers}]|\\.){{0,{MOST_KEY}}}+)[{closers}]\s*+:")
    for closers in set(_CLOSERS.values())
}
_WORD = re.compile(r"[^\s,{}\[\]:\"“”]{1,60}(?=[ \t]*+(?:[,}\]\r\n]|\Z))")
_NUMBER = re.compile(r"-?\d{1,400}(?:\.\d+)?(?:[eE][+-]?\d{1,4})?(?=[,}\]\s/#]|\Z)")
_LITERALS = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
_STRUCTURE = re.compile(r"[{}\[\],\"'“”\n]")


class Broken(dict[str, Any]):
    """What could be read of an object that was cut off or damaged."""


@dataclass(frozen=True, slots=True)
class _Grammar:
    """Where a text may end, which depends on the names of the fields that the reply was asked for.

    One of them as a key in the midst of a text is the sign that the text was not closed; another key there is taken for
    a part of it.
    """

    fields: frozenset[str]
    after_member: re.Pattern[str]
    """What may follow the closing quote of an object's member."""
    after_item: re.Pattern[str]
    """The same for an item of a list."""


@lru_cache(maxsize=64)  # the patterns take 0.02 s to compile: only for replies that need them, once per kind of reply
def _grammar(fields: frozenset[str]) -> _Grammar:
    known = "|".join(map(re.escape, sorted(fields))) or r"(?!)"
    bare = rf"(?:{known})\s*+:\s*+{_VALUE_OF}"
    known_object = rf"\{{++{_SPACE_OF}{_Q}?(?:{known}){_Q}?\s*+:"
    following = rf"(?:{_OBJECT_OF}|\[|{_NAMED_OF}|{bare}|\Z)"
    after_closed = rf"\Z|,(?:{_SPACE_OF},?)*?{following}|```(?:\s|\Z)|{known_object}|{_NAMED_OF}"
    # Closing brackets and what may come behind them: what else follows a bracket in a text is a part of the text.
    closed = (
        rf"(?:[}}\]]{_SPACE_OF}(?:,{_SPACE_OF}(?=[}}\]]))?+)++(?:{after_closed})|"
        rf"[}}\]]++[ \t]*+\r?\n(?:[ \t]*+\r?\n|\s*+{_OBJECT_OF})"
    )
    comma = rf",++{_SPACE_OF},*+{_SPACE_OF}"
    return _Grammar(
        fields,
        re.compile(
            rf"{_SPACE_OF}(?:\Z|{comma}(?:\Z|{_NAMED_OF}|{bare}|{known_object}|{closed})|{closed})|"
            rf"\s++(?:{_NAMED_OF}|{bare})"
        ),
        re.compile(rf"{_SPACE_OF}(?:\Z|{comma}(?:{_VALUE_OF}|{closed})|{closed})|[^\S\n]*+\n\s*+{_Q}"),
    )


@dataclass(slots=True)
class _Frame:
    """An open bracket. A doubled brace is one around the object that is meant."""

    listed: bool
    items: list[Any] = field(default_factory=list)
    members: dict[str, Any] = field(default_factory=dict)
    key: str | None = None
    sound: bool = True
    doubled: bool = False


def read(text: str, fields: Collection[str] = ()) -> list[dict[str, Any]]:
    """The outermost objects of a text, in order, `Broken` ones included.

    fields: names that the reply was asked for, at every depth; they tell where a text ends that was not closed.
    """
    return _Reader(text, _grammar(frozenset(fields))).read()


class _Reader:
    def __init__(self, text: str, grammar: _Grammar) -> None:
        self.text, self.grammar, self.at = text, grammar, 0
        self.stack: list[_Frame] = []
        self.roots: list[dict[str, Any]] = []
        self.seen: set[str] = set()
        """Keys so far."""

    def read(self) -> list[dict[str, Any]]:
        while self.at < len(self.text) and len(self.stack) <= MOST_DEPTH:
            if not self.stack:
                self.at = self.text.find("{", self.at)
                if self.at < 0:
                    break
                self._open("{")
                continue
            if space := _SPACE.match(self.text, self.at):
                self.at = space.end()
            if self.at < len(self.text):
                self._step(self.stack[-1])
        while self.stack:
            self._close(whole=False)
        return self.roots

    def _step(self, frame: _Frame) -> None:
        char = self.text[self.at]
        if char in "}]":
            self._closing(char)
        elif char == ",":
            if frame.key is not None:
                self._put(None)
            self.at += 1
        elif frame.listed or frame.doubled or frame.key is not None:
            self._value(frame, char)
        else:
            self._key(frame, char)

    def _closing(self, char: str) -> None:
        """A bracket of the other kind closes what was forgotten to be closed, too; one that fits nothing is none."""
        fits = [f.listed == (char == "]") for f in self.stack]
        if any(fits):
            while self.stack[-1].listed != (char == "]"):
                self._close()
            self._close()
        self.at += 1

    def _open(self, char: str) -> None:
        self.stack.append(_Frame(listed=char == "["))
        self.at += 1

    def _close(self, *, whole: bool = True) -> None:
        frame = self.stack.pop()
        if frame.key is not None:
            frame.members[frame.key] = None
        value: Any = frame.items
        if frame.doubled and len(frame.items) == 1:
            value = frame.items[0] if whole and frame.sound else _broken(frame.items[0])
        elif not frame.listed:
            value = frame.members if whole and frame.sound else Broken(frame.members)
        if not whole and self.stack:
            self.stack[-1].sound = False
        self._put(value)

    def _put(self, value: Any) -> None:
        """Where the next value belongs."""
        if not self.stack:
            self.roots += [value] if isinstance(value, dict) else []
        elif self.stack[-1].listed or self.stack[-1].doubled:
            self.stack[-1].items.append(value)
        else:
            frame = self.stack[-1]
            if frame.key is None or frame.key in frame.members:
                self._damage()
            frame.members[frame.key or ""] = value
            frame.key = None

    def _damage(self) -> None:
        for frame in self.stack:
            frame.sound = False

    def _skip(self) -> None:
        """Over what has no place here."""
        self._damage()
        found = _STRUCTURE.search(self.text, self.at + 1)
        self.at = found.start() if found else len(self.text)

    def _key(self, frame: _Frame, char: str) -> None:
        if char == "{":
            self._brace_for_key(frame)
            return
        pattern = _KEYS[_CLOSERS[char]] if char in _CLOSERS else _BARE_KEY
        if found := pattern.match(self.text, self.at):
            self.at, frame.key = found.end(), _plain(found[1])
            self.seen.add(frame.key)
        else:
            self._no_key(frame)

    def _brace_for_key(self, frame: _Frame) -> None:
        """`{{`, or an object that was not closed before the next."""
        if frame.members:
            self._close()
        else:
            frame.doubled = True
            self._open("{")

    def _no_key(self, frame: _Frame) -> None:
        """A brace with anything else behind it was none."""
        if frame.members:
            self._skip()
            return
        self.stack.pop()
        if self.stack:
            if self.stack[-1].key is not None:
                self._put(None)
            self._damage()
        self.at += 1

    def _value(self, frame: _Frame, char: str) -> None:
        if char in "{[":
            self._open(char)
        elif char in _CLOSERS:
            said = self._string(self.grammar.after_item if frame.listed else self.grammar.after_member)
            if said is not None:
                self._put(said)
            else:
                self._damage()
                frame.key = None
        elif found := _NUMBER.match(self.text, self.at):
            self.at = found.end()
            self._put(float(found[0]) if set(".eE") & set(found[0]) else int(found[0]))
        elif found := _WORD.match(self.text, self.at):
            self.at = found.end()
            self._put(_LITERALS.get(found[0], found[0]))
        else:
            self._skip()
            frame.key = None

    def _string(self, after: re.Pattern[str]) -> str | None:
        """The text that a quote here opens; None where it has no certain end, with `at` where reading goes on."""
        text, closers = self.text, _CLOSERS[self.text[self.at]]
        if text.startswith('"""', self.at) and (end := text.find('"""', self.at + 3)) > 0:
            begin, self.at = self.at + 3, end + 3
            return text[begin:end]
        at, said = self.at + 1, list[str]()
        while found := _SPECIAL[closers].search(text, at):
            said.append(text[at : found.start()])
            at = found.end()
            if found[0] == "\\":
                char, at = _escaped(text, at)
                said.append(char)
            elif after.match(text, at) or self._all_closed(at):
                self.at = at
                return "".join(said)
            elif (named := _NAMED.match(text, found.start())) and (
                named[1] in self.grammar.fields or named[1] in self.seen
            ):
                self.at = self._brace_before(found.start())
                return None
            else:
                said.append(found[0])
        self.at = len(text)
        return None

    def _all_closed(self, at: int) -> bool:
        """Whether every open bracket is closed here: then anything may follow, though a single one closes the line."""
        for frame in reversed(self.stack):
            found = _CLOSER.match(self.text, at)
            if found is None or found[1] != ("]" if frame.listed else "}"):
                return False
            at = found.end()
        return len(self.stack) > 1 or _LINE_END.match(self.text, at) is not None

    def _brace_before(self, at: int) -> int:
        """The brace that a key stands behind, else the key."""
        before = at - 1
        while self.text[before] in " \t\r\n":
            before -= 1
        return before if self.text[before] == "{" else at


def _escaped(text: str, at: int) -> tuple[str, int]:
    """The character behind a backslash, and where the text goes on; what is no escape stays as it is."""
    if code := _CODE.match(text, at):
        return chr(int(code[0][1:], 16)), code.end()
    char = text[at : at + 1]
    return _ESCAPES.get(char, f"\\{char}"), at + 1


def _plain(text: str) -> str:
    """The text with its escapes resolved."""
    made, at = list[str](), 0
    while (found := text.find("\\", at)) >= 0:
        char, end = _escaped(text, found + 1)
        made += [text[at:found], char]
        at = end
    return "".join((*made, text[at:]))


def _broken(value: Any) -> Any:
    return Broken(value) if isinstance(value, dict) else value

r"""LaTeX commands that JSON takes for escapes: models write `\frac`, `\beta`, `\text` and `\rho` with one backslash.

A parser makes a form feed, a backspace, a tab, a line end or a carriage return of the first two characters. Before a
reply is parsed, the backslash of such a command is doubled: always after `\b` and `\f`, which stand for characters that
no text holds, and after `\n`, `\r` and `\t` where the letters make a command that is no line end or tab in front of a
word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_ESCAPED = re.compile(r"\\(?:[bf][A-Za-z]|[nrt][A-Za-z]{1,24}|[^bfnrt])", re.DOTALL)
_ESCAPE = re.compile(r"\\(?=[bfnrt][A-Za-z])")
_NAME = re.compile(r"[A-Za-z]{1,24}")
_SURE_NAMES = """
nabla neq nexists notin nleq ngeq ngtr nolimits nonumber nwarrow nearrow natural newcommand newline noindent normalsize
rho right rightarrow rightarrows rightharpoonup rightleftharpoons rightsquigarrow rangle rbrace rbrack rceil rfloor
rvert rVert rmoustache ref rm root risingdotseq rtimes rhd rule raisebox
times theta tau tanh tfrac tbinom tilde therefore textbf textit textrm texttt textsf textsc textstyle textmd textup
textnormal textsuperscript textsubscript thickapprox thicksim thinspace triangle triangleleft triangleright
triangleq trianglelefteq trianglerighteq twoheadrightarrow
"""
_SURE = frozenset(_SURE_NAMES.split())
"""What is left of them behind a tab or a line end is no word of any language: `imes`, `abla`, `ho`."""
_MATH_NAMES = "nu ne ni neg not norm nmid nless nsim ncong nparallel nsubseteq nrightarrow tan to top text tag tt"
_IN_MATH = frozenset(_MATH_NAMES.split())
"""What is left of them may be a word (`ot`, `an`, `op`): only where mathematics stands."""
_MATH_NEXT = ("{", "_", "^", "\\", "$")
_LOOK_BACK = 300
"""Characters before a command in which an open `$` or `\\(` is looked for."""
_DAMAGE = re.compile("[\x00-\x08\x0b\x0e-\x1f]")
"""Control characters that no text holds. A form feed ends a page."""


def protected(text: str) -> str:
    """The reply with the backslashes of LaTeX commands doubled, ready to be parsed. Linear in its length."""
    if _ESCAPE.search(text) is None:
        return text
    made: list[str] = []
    at = 0
    for found in _ESCAPED.finditer(text):
        if found[0][1] in "bfnrt" and _is_command(text, found.start()):
            made += [text[at : found.start()], "\\"]
            at = found.start()
    return "".join((*made, text[at:])) if made else text


def _is_command(text: str, at: int) -> bool:
    """at: of the backslash; a letter of an escape and another letter follow it."""
    name = _NAME.match(text, at + 1)
    if name is None:
        return False
    if text[at + 1] in "bf":
        return True
    behind = text[name.end() : name.end() + 1]
    if name[0] in _SURE:
        return True
    return name[0] in _IN_MATH and (behind in _MATH_NEXT or _is_in_math(text, at))


def _is_in_math(text: str, at: int) -> bool:
    """An odd number of dollars, or an open bracket of LaTeX, stands before it in the same string."""
    before = text[max(0, at - _LOOK_BACK) : at]
    before = before[before.rfind('": "') + 1 :]
    opened = max(before.rfind("\\("), before.rfind("\\["))
    closed = max(before.rfind("\\)"), before.rfind("\\]"))
    return before.count("$") % 2 == 1 or opened > closed


def is_damaged(value: object) -> bool:
    """A text in it holds control characters that no text holds: an escape was taken for another."""
    if isinstance(value, str):
        return _DAMAGE.search(value) is not None
    if isinstance(value, Mapping):
        return any(is_damaged(inner) for inner in value.values())
    return isinstance(value, list) and any(is_damaged(inner) for inner in value)

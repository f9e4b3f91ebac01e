"""Is this pair well formed? One small function per defect; none judges content.

A check must not fire on what is merely unusual: bare numbers, code, scripts without spaces, very short true answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache

from dataforge.records import Draft
from dataforge.text import control_tokens
from dataforge.text.claims import STOP_WORDS, tokens
from dataforge.text.normal_forms import normalise

MOST_ANSWER_CHARACTERS = 6000
_COPY_LEAST, _COPY_SHARE = 1000, 0.8
_LEAK_WORDS = 12

_FENCE = re.compile(r"^[ \t]*(```|~~~)", re.MULTILINE)
_CODE = re.compile(r"```.*?(```|\Z)|`[^`\n]*`", re.DOTALL)
_FINISHED = re.compile(r"[.!?。！？…؟।;|%°)\]}>\"'”’»」』`*]\s*$|\d\s*$")
_ROLE = re.compile(
    r"^[^\S\n]*+#{2,}\s*(?:instruction|response|input|assistant|system)s?\s*:|"
    r"^[^\S\n]*+(?:user|assistant|system|human)\s*:\s",
    re.IGNORECASE | re.MULTILINE,
)
_FORM = re.compile(
    r"</?passage(?:-\d+)?>|\[Text \d+\]|\"(?:question|answer|question_type|evidence)\"\s*:|question_type", re.IGNORECASE
)
_REFUSAL = re.compile(
    r"^\W*(?:(?:i'?m|i am) (?:sorry|unable|not able|afraid)|(?:sorry|apologies|my apologies)\b[,.!]?(?: but)?\W|"
    r"i (?:can'?t|cannot|can not|won'?t|am unable to) (?:answer|assist|help|provide|comply|fulfil|do that|determine|"
    r"find|share|create|write)|as an? (?:ai|artificial|large language|language) |"
    r"there is (?:no|not enough|insufficient) information|(?:i do not|i don'?t) (?:know|have (?:enough|any|access)))",
    re.IGNORECASE,
)
_THING = (
    r"(?:passage|text|excerpt|paragraph|context|document|article|section|snippet|chapter|chunk|author|source|"
    r"table)"
)
_REFERS = re.compile(
    rf"\b(?:according to|based on|as per) (?:the|this|that) (?:\w+ )?{_THING}(?!\w)(?! of\b| for\b| on\b)|"
    rf"\bthis (?:passage|text|excerpt|paragraph|document|article|section|chapter|snippet)\b|"
    rf"\b(?:in|from|by|of) the (?:above |given |provided |following |preceding )?"
    rf"(?:passage|excerpt|paragraph|snippet)\b|"
    rf"\b(?:in|from) the (?:above|given|provided|following|preceding) {_THING}\b|"
    rf"\b(?:mentioned|described|stated|discussed|listed|given|shown|outlined|provided|specified|presented) "
    rf"(?:above|below|here|in the {_THING}|in this {_THING})(?!\w)(?! of\b| for\b)|"
    rf"\b(?:the|this) {_THING} (?:says?|states?|mentions?|describes?|suggests?|explains?|discuss(?:es)?|tells?|"
    rf"(?:does not|doesn'?t) (?:say|state|mention|specify|provide|contain|describe))\b|"
    rf"\b(?:does|did|do) (?:the|this) (?:passage|text|excerpt|paragraph|context|document|article|section|author)\b|"
    rf"\bnot (?:mentioned|specified|stated|provided|given) in the {_THING}\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Candidate:
    draft: Draft
    passage: str
    system_prompt: str
    finish_reason: str


def check(
    draft: Draft,
    *,
    passage: str,
    system_prompt: str = "",
    finish_reason: str = "stop",
    without: Collection[str] = (),
) -> list[str]:
    """The keys of CHECKS that this pair fails, in their order; empty: well formed. without: keys that do not apply."""
    candidate = Candidate(draft, passage, system_prompt, finish_reason)
    return [reason for reason, fails in CHECKS.items() if reason not in without and fails(candidate)]


def _empty(text: str) -> bool:
    return not any(c.isalnum() for c in text)


def _question_too_short(c: Candidate) -> bool:
    """One word, or too few characters to say what is asked; a pair of characters counts as a word in CJK."""
    question = c.draft.question.strip()
    return not _empty(question) and (len(tokens(question)) < 2 or len(question) < (4 if not question.isascii() else 8))


def _answer_too_long(c: Candidate) -> bool:
    return len(c.draft.answer) > MOST_ANSWER_CHARACTERS


def _truncated(c: Candidate) -> bool:
    """Cut off: by the teacher's own word, or to the eye. Code and list items need no full stop."""
    answer = c.draft.answer.rstrip()
    if _empty(answer) or _FENCE.search(answer):
        return False
    prose = _CODE.sub("", answer)
    words = answer.split()
    last = words[-1].casefold()
    if _FINISHED.search(answer):
        return False
    if c.finish_reason == "length" or answer[-1] in ",:-–—([{/":
        return True
    if any(prose.count(a) > prose.count(b) for a, b in ("()", "[]", "{}")):
        return True
    return len(words) > 3 and last in {"and", "or", "the", "a", "an", "of", "to", "with", "for", "because", "that"}


def _unclosed_code(c: Candidate) -> bool:
    return len(_FENCE.findall(c.draft.answer)) % 2 == 1


def _prompt_leak(c: Candidate) -> bool:
    """The form we ask for, or twelve words running of the system prompt that the passage does not hold."""
    text = f"{c.draft.question} {c.draft.answer}"
    if _FORM.search(text) and not _FORM.search(c.passage):
        return True
    ours = normalise(text).split()
    if len(ours) < _LEAK_WORDS:
        return False
    leaked = _runs(normalise(c.system_prompt))
    shared = [run for i in range(len(ours) - _LEAK_WORDS + 1) if (run := " ".join(ours[i : i + _LEAK_WORDS])) in leaked]
    passage = normalise(c.passage) if shared else ""
    return any(run not in passage for run in shared)


@lru_cache(maxsize=8)
def _runs(prompt: str) -> frozenset[str]:
    """Every twelve words running of a prompt, which all records of a run share."""
    words = prompt.split()
    return frozenset(" ".join(words[i : i + _LEAK_WORDS]) for i in range(len(words) - _LEAK_WORDS + 1))


def _refusal(c: Candidate) -> bool:
    return _REFUSAL.search(c.draft.answer) is not None and normalise(c.draft.answer)[:40] not in normalise(c.passage)


def _role_tokens(c: Candidate) -> bool:
    """Roles, and control tokens of a chat template, that the passage does not hold: it may be about them."""
    text = f"{c.draft.question}\n{c.draft.answer}"
    found = _ROLE.search(text)
    return (found is not None and found.group() not in c.passage) or any(
        token not in c.passage for token in control_tokens.unmistakable(text)
    )


def _question_repeated(c: Candidate) -> bool:
    """The answer says what the question says, and at most stop words more."""
    asked = {t.casefold() for t in tokens(c.draft.question)}
    said = {t.casefold() for t in tokens(c.draft.answer)}
    content = {t for t in asked if t not in STOP_WORDS}
    return len(content) > 1 and content <= said and said - asked <= STOP_WORDS and not _is_choice(c.draft)


def _is_choice(draft: Draft) -> bool:
    """ "Which is longer, A or B?" and yes-no questions are rightly answered in the question's own words."""
    question, answer = draft.question.casefold(), draft.answer.casefold().lstrip()
    return " or " in question or answer.startswith(("yes", "no"))


def _copy_of_passage(c: Candidate) -> bool:
    """Most of a long passage handed back; a short passage may well be its own answer."""
    passage, answer = normalise(c.passage), normalise(c.draft.answer)
    return len(passage) >= _COPY_LEAST and len(answer) >= _COPY_SHARE * len(passage) and answer in passage


def _refers_to_passage(c: Candidate) -> bool:
    """Who reads the pair has no passage."""
    return _REFERS.search(c.draft.question) is not None or _REFERS.search(c.draft.answer) is not None


CHECKS: dict[str, Callable[[Candidate], bool]] = {
    "empty_question": lambda c: _empty(c.draft.question),
    "empty_answer": lambda c: _empty(c.draft.answer),
    "question_too_short": _question_too_short,
    "answer_too_long": _answer_too_long,
    "truncated": _truncated,
    "unclosed_code": _unclosed_code,
    "prompt_leak": _prompt_leak,
    "refusal": _refusal,
    "role_tokens": _role_tokens,
    "question_repeated": _question_repeated,
    "copy_of_passage": _copy_of_passage,
    "refers_to_passage": _refers_to_passage,
}

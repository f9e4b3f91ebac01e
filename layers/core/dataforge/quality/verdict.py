"""What quality says of a draft: is it well formed, does its passage support it, how good does it look. By kind.

| kind           | form                                 | grounding                     | root of grounding x        |
|---|---|---|---|
| qa             | all format checks                    | the answer                    | manner (`scoring`)         |
| instruction    | all; may speak of the text it brings | the work, courtesies aside    | form, precision, relevance |
| conversation   | every exchange; no turn said twice   | every answer; the mean counts | each exchange's manner     |
| summary        | shorter than its text, in its style  | the summary                   | form, brevity, coverage    |
| classification | a label of the list                  | quoted words, or the heading  | how much the text says     |

What two records of a kind are compared by for repeats is here too: text that a user brings along is no repetition.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dataforge.quality import format_checks, grounding, scoring
from dataforge.quality.sources import Joined
from dataforge.records import Draft, Grounding, Span
from dataforge.text.claims import content_words, tokens
from dataforge.text.normal_forms import normalise
from dataforge.text.sentences import sentences
from dataforge.text.topic_labels import match, topic_of

LEAST_GROUNDING = 0.35
"""What its passage supports less than this is rejected as ungrounded."""
LEAST_OF_A_TURN = 0.15
"""One answer of a conversation may lean on what was said before it; below this it says something else."""
LEAST_OF_WORK = 0.25
"""Work puts facts into new words and forms; less of it stands in the passage literally."""

_COURTESY = re.compile(
    r"^\W*(?:dear|hello|hi|good (?:morning|afternoon|evening|day)|(?:kind|best|warm)? ?regards|yours|sincerely|"
    r"thank you|thanks|subject|please (?:let|contact|feel|do not hesitate)|if you have any (?:further )?"
    r"questions)\b.*$",
    re.IGNORECASE | re.MULTILINE,
)
_ASKED = re.compile(r"^.*\?\W*$", re.MULTILINE)
"""A question claims nothing."""
_BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+\S", re.MULTILINE)
_LEANING = re.compile(
    r"^\W*(?:and|but|so|then|what if|what about|how about|also|or)\b|"
    r"\b(?:it|that|this|they|them|those|these|there|then|else|instead|one|ones|same)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Case:
    """A draft with what it is judged by."""

    draft: Draft
    passage: str
    headings: Sequence[str] = ()
    system_prompt: str = ""
    finish_reason: str = "stop"
    labels: Sequence[str] = ()
    further: Sequence[str] = ()
    """More passages, all of which it has to need."""

    def check(self, draft: Draft, *without: str) -> list[str]:
        return format_checks.check(
            draft,
            passage=self.passage,
            system_prompt=self.system_prompt,
            finish_reason=self.finish_reason,
            without=without,
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    grounding: Grounding
    score: float
    """0-1, four digits."""
    reasons: tuple[str, ...]
    """Why it is rejected; empty: it is good."""


def judge(kind: str, case: Case) -> Verdict:
    """A record of several passages is judged over all; it is `single_source` when one of them was not needed."""
    if not case.further:
        return JUDGES[kind](case)
    joined = Joined((case.passage, *case.further))
    draft = replace(case.draft, evidence=joined.in_turns(case.draft.evidence))
    found = JUDGES[kind](replace(case, draft=draft, passage=joined.text, further=()))
    spans = joined.apart(found.grounding.spans)
    reasons = found.reasons or (() if joined.all_needed(draft, spans) else ("single_source",))
    return replace(found, grounding=replace(found.grounding, spans=spans), reasons=reasons)


def compared(kind: str, draft: Draft) -> str:
    """The text whose near-repetition makes a record of this kind a repeat."""
    return _COMPARED[kind](draft)


def comparable(kind: str, other: str) -> bool:
    """Whether records of the two kinds can repeat each other."""
    return kind == other or {kind, other} == {"qa", "instruction"}


_COMPARED: dict[str, Callable[[Draft], str]] = {
    "qa": lambda d: f"{d.question}\n{d.answer}",
    "instruction": lambda d: f"{d.request}\n{d.answer}",
    "conversation": lambda d: "\n".join(m.content for m in d.turns),
    "summary": lambda d: d.answer,
    "classification": lambda d: d.material or d.question,
}


def _verdict(found: Grounding, manner: float, reasons: list[str], *, least: float) -> Verdict:
    if not reasons and found.score < least:
        reasons = ["ungrounded"]
    return Verdict(found, round(math.sqrt(found.score * manner), 4), tuple(dict.fromkeys(reasons)))


def _pair(case: Case) -> Verdict:
    draft = case.draft
    found = grounding.ground(draft.answer, case.passage, question=draft.question, quoted=draft.evidence)
    manner = scoring.manner(draft, found, passage=case.passage).total
    return _verdict(found, manner, case.check(draft), least=LEAST_GROUNDING)


def _task(case: Case) -> Verdict:
    """A text that the user brings and that is not in the passage (a message to answer) may be quoted as well."""
    draft = case.draft
    bare = replace(draft, question=draft.request, material_at=None)
    source = case.passage
    if draft.material and normalise(draft.material) not in normalise(source):
        source += f"\n\n{draft.material}"
    claims = _ASKED.sub("", _COURTESY.sub("", draft.answer)).strip() or draft.answer
    found = grounding.ground(claims, source, question=bare.question, quoted=draft.evidence)
    spans = tuple(s for s in found.spans if s.end <= len(case.passage))
    evidence = " ".join(s.text for s in found.spans) or case.passage
    precision = 1.0 if draft.material else scoring.specificity_of(bare.question)
    relevance = 1.0 if draft.material else scoring.relevance_of(bare, evidence)
    manner = 0.4 * scoring.answer_form_of(draft.answer, most_words=400) + 0.3 * precision + 0.3 * relevance
    reasons = case.check(bare, *(("refers_to_passage",) if draft.material else ()))
    return _verdict(replace(found, spans=spans), manner, reasons, least=LEAST_OF_WORK)


def _conversation(case: Case) -> Verdict:
    from dataforge.quality import duplicates  # numpy: see text.normal_forms

    draft = case.draft
    exchanges = [(q.content, a.content) for q, a in zip(draft.turns[::2], draft.turns[1::2], strict=False)]
    asked, reasons, manners = "", list[str](), list[float]()
    each: list[tuple[Grounding, int]] = []
    for n, (question, answer) in enumerate(exchanges):
        leaning = f"{asked} {question}".strip()
        pair = replace(draft, question=question, answer=answer, turns=())
        reasons += case.check(pair, *(("question_too_short",) if n else ()))
        found = grounding.ground(answer, case.passage, question=leaning, quoted=draft.evidence)
        if words := len(content_words(answer)):
            each.append((found, words))
        manners.append(_exchange_manner(pair, leaning, found, first=n == 0))
        asked = leaning
    if duplicates.near_duplicates([answer for _, answer in exchanges]):
        reasons.append("turn_repeated")
    whole = _together([g for g, _ in each], [w for _, w in each])
    if not reasons and any(g.score < LEAST_OF_A_TURN for g, words in each if words >= 4):
        reasons.append("ungrounded")
    manner = sum(manners) / len(manners) if manners else 0.0
    return _verdict(whole, manner, reasons, least=LEAST_GROUNDING)


def _exchange_manner(pair: Draft, leaning: str, found: Grounding, *, first: bool) -> float:
    """The opening must stand alone; what follows should lean on what was said."""
    evidence = " ".join(s.text for s in found.spans)
    form = scoring.answer_form_of(pair.answer)
    relevance = scoring.relevance_of(replace(pair, question=leaning), evidence or pair.answer)
    if first:
        stands = scoring.self_contained_of(pair)
        return 0.4 * form + 0.2 * relevance + 0.2 * scoring.specificity_of(pair.question) + 0.2 * stands
    shared = set(content_words(pair.question)) & set(content_words(leaning[: -len(pair.question)]))
    leans = 1.0 if shared or _LEANING.search(pair.question) else 0.5
    return 0.5 * form + 0.25 * relevance + 0.25 * leans


def _together(each: Sequence[Grounding], weights: Sequence[int]) -> Grounding:
    """One grounding of several: the mean by length, all spans in the order of the passage, all that is unsupported."""
    if not each:
        return Grounding(0.0)
    score = sum(g.score * w for g, w in zip(each, weights, strict=True)) / sum(weights)
    spans: list[Span] = []
    for span in sorted({s for g in each for s in g.spans}, key=lambda s: (s.start, -s.end)):
        if not spans or span.start >= spans[-1].end:
            spans.append(span)
    unsupported = tuple(dict.fromkeys(text for g in each for text in g.unsupported))
    return Grounding(round(score, 4), tuple(spans), unsupported)


def _summary(case: Case) -> Verdict:
    draft = case.draft
    text = draft.material or case.passage
    reasons = case.check(
        replace(draft, question=draft.request, material_at=None),
        "question_repeated",
        "refers_to_passage",
        "copy_of_passage",
    )
    share = len(tokens(draft.answer)) / (len(tokens(text)) or 1)
    if share > 0.8:
        reasons.append("not_shorter")
    if not _in_style(draft):
        reasons.append("wrong_form")
    found = grounding.ground(draft.answer, case.passage)
    brevity = 1.0 if share <= 0.5 else max(0.0, 1 - (share - 0.5) / 0.5)
    form = scoring.answer_form_of(draft.answer)
    manner = 0.4 * form + 0.25 * brevity + 0.35 * coverage(draft.answer, text)
    return _verdict(found, manner, reasons, least=LEAST_GROUNDING)


def _in_style(draft: Draft) -> bool:
    bullets = len(_BULLET.findall(draft.answer))
    if draft.question_type == "bullets":
        return bullets >= 2
    if draft.question_type == "sentence":
        return bullets <= 1 and len(sentences(draft.answer)) <= 2
    return True


def coverage(summary: str, text: str) -> float:
    """How many of the words that the text says again and again are in the summary; half of the ten most frequent is
    all that a short one can hold, and counts as 1."""
    often = [word for word, n in Counter(content_words(text)).most_common(10) if n > 1]
    if not often:
        return 1.0
    held = set(content_words(summary))
    return min(1.0, 2 * sum(w in held for w in often) / len(often))


def _classification(case: Case) -> Verdict:
    draft = case.draft
    reasons = [
        r
        for r in ("empty_question", "empty_answer")
        if format_checks.CHECKS[r](format_checks.Candidate(draft, case.passage, "", "stop"))
    ]
    if case.labels and match(draft.answer, case.labels) != draft.answer:
        reasons.append("unknown_label")
    spans = tuple(s for q in draft.evidence if (s := grounding.find_quote(q, case.passage)))
    share = len(spans) / len(draft.evidence) if draft.evidence else 0.3
    by_heading = topic_of(case.headings, case.labels or [draft.answer]) == draft.answer
    missing = tuple(q for q in draft.evidence if not grounding.find_quote(q, case.passage))
    found = Grounding(1.0 if by_heading else round(0.3 + 0.7 * share, 4), spans, missing)
    says = min(1.0, len(set(content_words(draft.material or draft.question))) / 12)
    return _verdict(found, 0.5 + 0.5 * says, reasons, least=0.0)


JUDGES: dict[str, Callable[[Case], Verdict]] = {
    "qa": _pair,
    "instruction": _task,
    "conversation": _conversation,
    "summary": _summary,
    "classification": _classification,
}

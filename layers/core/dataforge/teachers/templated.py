"""The offline generator: sentences built from seeded templates, without any model.

For tests, demos and dry runs of a pipeline. Its records are well formed and differ from each other, but contain no
knowledge: real training data needs a real teacher. As critic and judge it scores the surface of a text only.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Sequence

from dataforge.errors import TeacherRefused
from dataforge.recipes import invariants, judging
from dataforge.recipes.synthetic import critic, taxonomy
from dataforge.recipes.synthetic.slots import RecordSlot
from dataforge.records import Answer, Question
from dataforge.teachers.ports import Capabilities

NAME = "templated"
Made = dict[str, object]

_NAMES = ("Ines", "Tomas", "Yuki", "Amara", "Piotr", "Leila", "Noah", "Greta", "Samir", "Olga", "Mateo", "Freya")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "the weekend", "the first of the month")
_OPENINGS = (
    "How do I handle {topic} when {angle} is the issue?",
    "{name} here. What should I know about {topic}, {persona}?",
    "Please explain {topic} in {n} sentences, with {angle} in mind.",
    "We have {n} open cases on {topic}; where do I start?",
    "Is there a sensible order for {topic} before {day}?",
    "Give me a plan for {topic} that takes {n} hours at most.",
    "Our team disagrees about {topic}: one side says {angle}, the other says wait. Who is right?",
    "Write a short note to {name} on {topic}.",
    "What are the {n} most frequent mistakes with {topic}?",
    "Compare two ways to deal with {topic} for {persona}.",
    "Why does {topic} matter, seen from {angle}?",
    "I tried {topic} on {day} and it failed. What now?",
    "Which figures tell me that {topic} is going well?",
    "Draft a checklist for {topic} with {n} items.",
    "Can {topic} wait until {day}, or is that a risk?",
    "Summarise what {persona} has to know about {topic}.",
    "What would you ask first if {topic} came up on {day}?",
    "Help me answer {name}, who wants to know about {angle} in {topic}.",
)
_ANSWERS = (
    "Begin with the facts: note what happened, when, and who is involved.",
    "Set aside {n} minutes for it on {day}.",
    "{name} should be the one contact, so that nobody asks twice.",
    "Write the result down in one line and date it.",
    "If {angle} plays a part, say so openly before anything else.",
    "Check the {n} newest entries before you decide.",
    "In {domain}, {topic} is usually settled within {n} days.",
    "Agree on what counts as done; then stop there.",
    "A small trial with {n} cases costs little and shows most problems.",
    "Keep the old way at hand until {day}.",
    "Ask {name} for a second look where more than {n} people are affected.",
    "Name the limit: beyond {n}, it is escalated.",
    "Do not promise a date that depends on others.",
    "Put numbers on it: {n} before, {m} after, measured the same way.",
    "For {persona}, one example says more than a rule.",
    "Where information is missing, ask for it once, in full.",
    "Three things are needed: a reason, an owner and a deadline on {day}.",
    "Split {topic} into parts of {n} hours.",
    "Most of the effort in {topic} goes into preparation, about {m} per cent.",
    "Tell everybody concerned by {day}.",
    "Review it after {n} weeks and drop what did not help.",
    "Leave a margin of {m} per cent for surprises.",
    "When two goals collide, take the one that can be undone.",
    "Use plain words; {persona} will thank you.",
    "Record why the choice was made, for the colleague who comes after {name}.",
    "Test the result on {n} real cases.",
)
_WORSE = (
    "It depends, really.",
    "Just do what was done the last time and it should be fine.",
    "There is no need to check.",
    "Somebody will surely know about it.",
    "Ignore it unless a complaint comes in.",
    "Any order will do.",
    "A quick guess is good enough here.",
    "Skip the notes, they only cost time.",
    "Simply promise whatever is asked.",
    "Numbers are overrated, trust the feeling.",
    "Wait and see what happens.",
    "Others have worse problems.",
    "Copy an answer from elsewhere.",
    "It is probably somebody else's job.",
    "Say yes first and look later.",
)
_REFUSALS = (
    "I will not go along with that part, and here is why: it could hurt somebody.",
    "The premise is not right as it stands.",
    "Before any answer, one thing is missing: the purpose behind it.",
    "That claim does not change what is safe.",
    "I can help with the safe side of this.",
    "Part of the request contradicts the rest, so let us sort that out first.",
)
_INPUTS = (
    "From {name}, {day}: {n} cases on {topic}, {m} per cent still open.",
    "Log: {topic} started, step {n} failed, retry {m}.",
    "Draft: we looked into {topic} with {name} and found {n} points.",
    "",
    "",
    "",
    "",
    "",
)
_METRICS = (
    "factual_accuracy",
    "task_completion",
    "tone_appropriateness",
    "relevance",
    "clarity",
    "safety",
    "instruction_following",
    "exact_match",
    "completeness",
    "escalation_correct",
)
_FACETS = (
    "intake",
    "planning",
    "scheduling",
    "first contact",
    "handover",
    "documentation",
    "inspection",
    "maintenance",
    "complaints",
    "refunds",
    "training",
    "onboarding",
    "risk review",
    "budgeting",
    "reporting",
    "negotiation",
    "emergency response",
    "privacy",
    "tool selection",
    "archiving",
    "quality control",
    "feedback",
    "forecasting",
    "scaling up",
    "standards",
    "seasonal peaks",
    "supplier relations",
    "accessibility",
    "audits",
    "closing a case",
)


class TemplatedTeacher:
    """Writes the four synthetic schemas; the same question gives the same answer."""

    name = NAME
    can = Capabilities(
        json_schema=True,
        offline=True,
        kinds=(
            "instruction_v1",
            "preference_v1",
            "eval_v1",
            "conflict_v1",
            taxonomy.KIND,
            critic.KIND,
            judging.KIND,
            invariants.KIND,
        ),
    )

    async def ask(self, question: Question) -> Answer:
        write = _WRITERS.get(question.kind)
        if write is None:
            raise TeacherRefused(f"The templated teacher writes synthetic schemas only, not {question.kind}")
        text = json.dumps(write(question), ensure_ascii=False)
        return Answer(
            text,
            NAME,
            input_tokens=sum(len(m.content) for m in question.messages) // 4,
            output_tokens=len(text) // 4,
            cost_usd=0.0,
        )

    async def close(self) -> None:
        """Nothing to close."""


class _TemplateWriter:
    """Fills templates for one slot; no sentence twice."""

    def __init__(self, slot: RecordSlot, domain: str) -> None:
        self.rng = random.Random(f"{slot.seed}/{slot.index}")
        self.slot, self.domain = slot, " ".join(domain.split())[:120]

    def fill(self, template: str) -> str:
        values = {
            "topic": self.slot.topic or self.domain,
            "angle": self.slot.angle or "time",
            "domain": self.domain,
            "persona": self.slot.persona or "a user",
            "name": self.rng.choice(_NAMES),
            "day": self.rng.choice(_DAYS),
            "n": str(self.rng.randrange(2, 30)),
            "m": str(self.rng.randrange(30, 95)),
        }
        filled = re.sub(r"{(\w+)}", lambda m: values[m.group(1)], template)
        return filled[:1].upper() + filled[1:]

    def one(self, bank: Sequence[str]) -> str:
        return self.fill(self.rng.choice(bank))

    def some(self, bank: Sequence[str], least: int, most: int) -> str:
        return " ".join(self.fill(t) for t in self.rng.sample(bank, self.rng.randint(least, most)))

    def answer(self) -> str:
        cautious = [self.one(_REFUSALS)] if self.slot.technique else []
        return " ".join([*cautious, self.some(_ANSWERS, 4, 7)])


def _instruction(pen: _TemplateWriter) -> Made:
    return {"instruction": pen.one(_OPENINGS), "input": pen.one(_INPUTS), "output": pen.answer()}


def _preference(pen: _TemplateWriter) -> Made:
    return {"prompt": pen.one(_OPENINGS), "chosen": pen.answer(), "rejected": pen.some(_WORSE, 3, 5)}


def _evaluation(pen: _TemplateWriter) -> Made:
    return {
        "input": pen.one(_OPENINGS),
        "ideal_output": pen.answer(),
        "metrics": pen.rng.sample(_METRICS, pen.rng.randint(1, 3)),
    }


def _conflict(pen: _TemplateWriter, axis: tuple[str, Sequence[str]], vocabulary: Sequence[str]) -> Made:
    name, drives = axis
    preferred, losing = pen.rng.sample(list(drives), 2)
    return {
        "input": f"{pen.one(_OPENINGS)} {pen.one(_ANSWERS)}",
        "tension_type": f"{drives[0]}_vs_{drives[1]}",
        "responses": [
            {"drive": d, "output": f"I put {d} first here. {pen.some(_ANSWERS, 2, 4)}", "viable": True} for d in drives
        ],
        "resolution": {
            "preferred_drive": preferred,
            "losing_drive": losing,
            "confidence": round(pen.rng.uniform(0.5, 0.95), 2),
            "override_condition": pen.rng.choice(vocabulary)
            if vocabulary
            else pen.one(
                (
                    "If more than {n} people were affected.",
                    "If it had to be decided by {day}.",
                    "If {name} had asked for it in writing.",
                    "If the stakes were above {m} per cent of the budget.",
                )
            ),
            "reasoning": f"On the axis {name}: {pen.one(_ANSWERS)}",
            "scores": {d: pen.rng.randint(6, 9) if d == preferred else pen.rng.randint(3, 5) for d in drives},
        },
    }


_PLAIN: dict[str, Callable[[_TemplateWriter], Made]] = {
    "instruction_v1": _instruction,
    "preference_v1": _preference,
    "eval_v1": _evaluation,
}


def _records(question: Question) -> Made:
    slots = [s for s in question.slots if isinstance(s, RecordSlot)]
    vocabulary = _listed(question, r'"override_condition" is exactly one of: (.+)')
    axes = list(_axes(question.messages[1].content.split("\n")))
    made = []
    for number, slot in enumerate(slots):
        pen = _TemplateWriter(slot, question.passage.content)
        if question.kind == "conflict_v1":
            made.append({"n": number + 1, **_conflict(pen, axes[number], vocabulary)})
        else:
            made.append({"n": number + 1, **_PLAIN[question.kind](pen)})
    return {"records": made}


def _axes(lines: Sequence[str]) -> Iterator[tuple[str, tuple[str, str]]]:
    for line, first, second in zip(lines, lines[1:], lines[2:], strict=False):
        if line.startswith("Axis ") and first.startswith(_DRIVE) and second.startswith(_DRIVE):
            drives = [drive.removeprefix(_DRIVE).partition(":")[0] for drive in (first, second)]
            yield line[5:].removesuffix(":").partition(" (")[0], (drives[0], drives[1])


_DRIVE = "  drive "


def _numbered(question: Question, tag: str) -> Iterator[tuple[int, str]]:
    """The elements `<tag n="1">...` of the prompt, each up to the next."""
    for part in question.messages[-1].content.split(f'<{tag} n="')[1:]:
        number, _, body = part.partition('">')
        if number.isdecimal() and len(number) < 6:
            yield int(number), body


def _inside(text: str, tag: str) -> str:
    return text.partition(f"<{tag}>\n")[2].partition(f"\n</{tag}>")[0]


def _listed(question: Question, pattern: str) -> list[str]:
    found = re.search(pattern, question.messages[0].content)
    return found.group(1).split(", ") if found else []


def _topics(question: Question) -> Made:
    wanted = int((re.search(r"List (\d+) sub-topics", question.messages[-1].content) or ["", "20"])[1])
    part = re.search(r"Only this part of it: (.+?)(?: \(|$)", question.messages[-1].content, re.MULTILINE)
    subject = part.group(1).replace("_", " ") if part else " ".join(question.passage.content.split()[:6])
    plain = [f"{facet} in {subject}" for facet in _FACETS]
    deeper = [f"{facet} and {other} in {subject}" for facet, other in zip(_FACETS, _FACETS[7:], strict=False)]
    return {"topics": [{"name": topic} for topic in (plain + deeper)[:wanted]]}


def _comparisons(question: Question) -> Made:
    return {
        "comparisons": [
            {
                "n": n,
                "a": _surface(_inside(body, "a")),
                "b": _surface(_inside(body, "b")),
                "reasoning": "The stronger response is more concrete: it names figures, people and next steps.",
            }
            for n, body in _numbered(question, "comparison")
        ]
    }


def _surface(text: str) -> float:
    """1-10 for how concrete a text looks: its length, its numbers, its names."""
    words = len(text.split())
    return round(min(9.5, 3.0 + min(words, 60) / 12 + min(3, len(re.findall(r"\d+|[a-z] [A-Z]", text)))), 1)


def _verdicts(question: Question) -> Made:
    names = list((question.json_schema or {})["properties"]["verdicts"]["items"]["properties"])[1:]  # type: ignore[index]
    shown = [(n, _surface(_inside(body, "answered"))) for n, body in _numbered(question, "record")]
    return {"verdicts": [{"n": n, **dict.fromkeys(names, score)} for n, score in shown]}


def _checks(question: Question) -> Made:
    """It cannot check rules: it never reports a violation."""
    return {"checks": [{"n": n, "violated": []} for n, _ in _numbered(question, "record")]}


_WRITERS: dict[str, Callable[[Question], Made]] = {
    **dict.fromkeys(("instruction_v1", "preference_v1", "eval_v1", "conflict_v1"), _records),
    taxonomy.KIND: _topics,
    critic.KIND: _comparisons,
    judging.KIND: _verdicts,
    invariants.KIND: _checks,
}

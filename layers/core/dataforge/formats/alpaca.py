"""Instruction lines: {"instruction", "input", "output"} (tatsu-lab/stanford_alpaca); `input` is context."""

from __future__ import annotations

from dataforge.records import Message


def line(messages: tuple[Message, ...]) -> dict[str, object]:
    """The last question and its answer; earlier turns of a conversation become `input`. No system prompt."""
    turns = [m for m in messages if m.role != "system"]
    earlier, last_question, last_answer = turns[:-2], turns[-2], turns[-1]
    context = "\n".join(f"{m.role.capitalize()}: {m.content}" for m in earlier)
    return {"instruction": last_question.content, "input": context, "output": last_answer.content}

"""Instruction lines: {"instruction", "input", "output"} (tatsu-lab/stanford_alpaca); `input` is context."""

from __future__ import annotations

from dataforge.records import Message


def line(messages: tuple[Message, ...], material_at: int | None = None) -> dict[str, object]:
    """The last question and its answer; the text that the question brings along, and earlier turns of a conversation,
    become `input`. No system prompt.

    material_at: where in the last question that text begins, up to its end; None: it brings none.
    """
    turns = [m for m in messages if m.role != "system"]
    earlier, last_question, last_answer = turns[:-2], turns[-2], turns[-1]
    context = "\n".join(f"{m.role.capitalize()}: {m.content}" for m in earlier)
    instruction, material = last_question.content, ""
    if material_at is not None:
        instruction, material = instruction[:material_at].rstrip(), instruction[material_at:]
    return {
        "instruction": instruction,
        "input": "\n\n".join(filter(None, (context, material))),
        "output": last_answer.content,
    }

"""A chat completion as servers send it: whole, or as a stream that nobody asked for; the answer in `content`, in the
arguments of a tool call, or behind the reasoning; an error with the status 200.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import orjson

from dataforge.records import Answer
from dataforge.teachers.ports import Finish
from dataforge.teachers.prices import Price
from dataforge.teachers.response import MISFITS, Response, rate_limits, token_count, unreadable, word
from dataforge.text.normal_forms import repair_surrogates

FINISH: dict[str, Finish] = {"stop": "stop", "length": "length", "content_filter": "content_filter"}
_REASONING = ("reasoning_content", "reasoning", "thinking")
"""Where servers put what a model thinks before it answers."""
_EXCERPT = 300
"""Characters of what a model said that are shown to people."""
_STREAMED = (b"data:", b":", b"event:", b"id:")


def settled(response: Response) -> Response:
    """The same, as the protocol says it should be: a stream put together, and an error under its own status."""
    if response.status != 200:
        return response
    try:
        if _is_stream(response):
            response = _joined(response)
        return _as_failure(response) if b'"error"' in response.raw else response
    except MISFITS:  # whoever reads it finds that it is no completion
        return response


def chat_answer(name: str, model: str, response: Response, price: Price | None) -> Answer:
    """response: settled. Raises TeacherUnreachable for what is no chat completion."""
    if response.is_truncated:
        return Answer("", model, "length", cost_usd=None)
    try:
        reply = json.loads(response.raw)
        choice = reply["choices"][0]
        message = choice["message"]
        finish = FINISH.get(word(choice.get("finish_reason") or "stop"), "other")
        text = _text(message.get("content")) or _called(message)
    except MISFITS:
        raise unreadable(name, response) from None
    usage = reply.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    read, written = token_count(usage.get("prompt_tokens")), token_count(usage.get("completion_tokens"))
    cached = token_count(_inner(usage, "prompt_tokens_details").get("cached_tokens"))
    note = ""
    if not text.strip():
        thought = token_count(_inner(usage, "completion_tokens_details").get("reasoning_tokens"))
        text, finish, note = _elsewhere(message, finish, thought)
    return Answer(
        text=repair_surrogates(text),
        model=repair_surrogates(word(reply.get("model")) or model)[:200],
        finish_reason=finish,
        input_tokens=read,
        output_tokens=written,
        cost_usd=price.of(read, written, cached=cached) if price else None,
        cached_tokens=cached,
        rates=rate_limits(response.headers),
        note=repair_surrogates(note),
    )


def _elsewhere(message: Mapping[str, Any], finish: Finish, thought: int) -> tuple[str, Finish, str]:
    """Text, reason to stop, and a note for people, of a message without content. thought: reasoning tokens."""
    if refused := _refusal(message):
        return "", "content_filter", f"the model declined: {_quoted(refused)}"
    reasoning = next((t for key in _REASONING if (t := _text(message.get(key)).strip())), "")
    if reasoning and finish != "length" and (said := _answer_in(reasoning)):
        return said, finish, ""
    if reasoning or thought:
        tokens = f"{thought:,} tokens" if thought else "its tokens"
        begins = f", which begins {_quoted(reasoning)}" if reasoning else ""
        more = "; let it have more (--max-tokens), or set it to reason less" if finish == "length" else ""
        return "", finish, f"the model spent {tokens} on reasoning{begins}, and wrote no answer{more}"
    return "", finish, ""


def _called(message: Mapping[str, Any]) -> str:
    """The arguments of a tool call: a model that takes the schema for a tool answers so."""
    calls = [c.get("function") for c in message.get("tool_calls") or [] if isinstance(c, dict)]
    calls.append(message.get("function_call"))
    given = [c.get("arguments") for c in calls if isinstance(c, dict)]
    texts = [a if isinstance(a, str) else orjson.dumps(a).decode() for a in given if a]
    return "\n".join(texts)


def _refusal(message: Mapping[str, Any]) -> str:
    parts = message.get("content")
    found = [message.get("refusal")]
    found += [p.get("refusal") for p in parts if isinstance(p, dict)] if isinstance(parts, list) else []
    return next((said for f in found if (said := word(f).strip())), "")


def _answer_in(reasoning: str) -> str:
    """The JSON that reasoning consists of, or ends with; empty where it is thoughts only. JSON in the midst of thoughts
    is a draft."""
    if reasoning[0] in "{[" or reasoning.startswith("```"):
        return reasoning
    _, ended, answer = reasoning.rpartition("</think>")
    if ended:
        return answer.strip()
    if reasoning.endswith("```"):
        return reasoning[max(0, reasoning.rfind("```", 0, -3)) :]
    starts = (find(bracket) for bracket in ("\n{", "\n[") for find in (reasoning.find, reasoning.rfind))
    return next((reasoning[at:].strip() for at in starts if at >= 0 and _is_json(reasoning[at:])), "")


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text.strip())
    except ValueError:
        return False
    return True


def _text(content: object) -> str:
    """A message's content: text, a list of parts of which some are text, or nothing."""
    if isinstance(content, list):
        return "".join(_text(p.get("text")) for p in content if isinstance(p, dict) and p.get("type") not in _REASONING)
    return content if isinstance(content, str) else ""


def _inner(usage: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = usage.get(key)
    return found if isinstance(found, dict) else {}


def _quoted(text: str) -> str:
    flat = " ".join(text[: 4 * _EXCERPT].split())
    return f'"{flat[:_EXCERPT]}{"…" if len(flat) > _EXCERPT else ""}"'


def _is_stream(response: Response) -> bool:
    kind = response.headers.get("content-type", "")
    return kind.startswith("text/event-stream") or response.raw[:50].lstrip().startswith(_STREAMED)


def _joined(response: Response) -> Response:
    """The completion that a stream of server-sent events makes. One that was cut off stays as it is: unreadable."""
    whole: dict[str, Any] = {}
    message: dict[str, Any] = {"role": "assistant", "content": None}
    finish, is_over = None, False
    for event in _events(response.raw):
        if event is None:
            is_over = True
            continue
        if event.get("error"):
            return replace(response, raw=orjson.dumps({"error": event["error"]}))
        whole |= {key: event[key] for key in ("id", "model", "usage") if event.get(key)}
        choices = event.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
        if choice.get("index"):
            continue
        finish = choice.get("finish_reason") or finish
        said = choice.get("delta") or choice.get("message")
        _add(message, said if isinstance(said, dict) else {})
    if not is_over and finish is None:
        return response
    whole["choices"] = [{"index": 0, "finish_reason": finish or "stop", "message": message}]
    return replace(response, raw=orjson.dumps(whole, default=io.StringIO.getvalue))


def _events(raw: bytes) -> Iterator[dict[str, Any] | None]:
    """The JSON objects of a stream; None for its end mark."""
    for line in raw.splitlines():
        data = line[5:].strip() if line.startswith(b"data:") else b""
        if data == b"[DONE]":
            yield None
        elif data:
            try:
                event = orjson.loads(data)
            except ValueError:
                continue
            if isinstance(event, dict):
                yield event


def _add(message: dict[str, Any], delta: Mapping[str, Any]) -> None:
    for key in ("content", "refusal", *_REASONING):
        if piece := _text(delta.get(key)):
            message[key] = message.get(key) or io.StringIO()
            message[key].write(piece)
    for call in delta.get("tool_calls") or []:
        given = call.get("function") if isinstance(call, dict) else None
        arguments = given.get("arguments") if isinstance(given, dict) else None
        if isinstance(arguments, str):
            known = message.setdefault("tool_calls", [{"function": {"arguments": io.StringIO()}}])
            known[0]["function"]["arguments"].write(arguments)


def _as_failure(response: Response) -> Response:
    """An error that came with the status 200, under the status that it names; else the response as it is."""
    try:
        body = orjson.loads(response.raw)
    except ValueError:
        return response
    if not isinstance(body, dict):
        return response
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    error = choice.get("error") if choices else body.get("error")
    message = choice.get("message")
    if not error or (isinstance(message, dict) and message.get("content")):
        return response
    code = error.get("code") if isinstance(error, dict) else None
    code = int(code) if isinstance(code, str) and code.isdigit() else code
    status = code if isinstance(code, int) and 400 <= code < 600 else 502
    return replace(response, status=status, raw=orjson.dumps({"error": error}))

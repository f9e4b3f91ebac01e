"""A chat-completions server with a fixed latency that counts its requests: `python -m benchmarks.stub --latency 0.2`.

GET /stats returns the calls, the largest and mean number in flight, and the time of the first request and the last
reply.
Requests without a passage (probes, summaries that other tools ask for) are answered and counted apart.
Faults are switched on by flags: `--busy 10` turns away every tenth request, and so on, in the order they come.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from aiohttp import web

from tests.support.document_replies import pairs_for


@dataclass
class Statistics:
    calls: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    busy_seconds: float = 0.0
    """Seconds of replies in flight, summed."""
    first: float = 0.0
    last: float = 0.0
    prompts: dict[str, int] = field(default_factory=dict)
    starts: list[float] = field(default_factory=list)
    """When each request came."""
    faults: dict[str, int] = field(default_factory=dict)
    others: int = 0
    """Requests without a passage; the other figures know nothing of them."""


@dataclass(frozen=True)
class Faults:
    """Every n-th request of all: 0 never."""

    busy: int = 0
    """429 with `Retry-After: 1`."""
    broken: int = 0
    """Half of the JSON, said to be whole."""
    cut: int = 0
    """Half of the JSON, `length` as the reason to stop."""
    hang: int = 0
    """No answer at all."""
    reset: int = 0
    """The connection is closed without one."""

    def of(self, number: int) -> str | None:
        """Each has its own place, so that periods that are multiples of five never fall together."""
        due = (name for place, (name, every) in enumerate(asdict(self).items()) if every and number % every == place)
        return next(due, None)


def prompt_of(messages: Sequence[Mapping[str, Any]]) -> str:
    """What the user says first; the system's words where the user says nothing."""
    said = [m["content"] for m in sorted(messages, key=lambda m: m["role"] != "user")]
    first = said[0] if said else ""
    return first if isinstance(first, str) else "".join(part.get("text", "") for part in first)


def application(latency: float, faults: Faults = Faults()) -> web.Application:
    counted = Statistics()

    async def chat(request: web.Request) -> web.Response:
        body = await request.json()
        prompt = prompt_of(body["messages"])
        if "<passage>" not in prompt:
            counted.others += 1
            return await answer(request, body["model"], prompt, None)
        now = time.perf_counter()
        counted.first = counted.first or now
        counted.starts.append(now)
        counted.calls += 1
        counted.prompts[prompt] = counted.prompts.get(prompt, 0) + 1
        fault = faults.of(counted.calls)
        if fault:
            counted.faults[fault] = counted.faults.get(fault, 0) + 1
        counted.in_flight += 1
        counted.most_in_flight = max(counted.most_in_flight, counted.in_flight)
        try:
            reply = await answer(request, body["model"], prompt, fault)
            counted.busy_seconds += latency if reply.status == 200 else 0
            return reply
        finally:
            counted.in_flight -= 1
            counted.last = time.perf_counter()

    async def answer(request: web.Request, model: str, prompt: str, fault: str | None) -> web.Response:
        if fault == "busy":
            return web.json_response({"error": {"message": "slow down"}}, status=429, headers={"Retry-After": "1"})
        if fault == "reset" and request.transport:
            request.transport.abort()
        if fault == "hang":
            await asyncio.sleep(3600)
        text = json.dumps({"pairs": pairs_for(prompt)})
        if fault in ("broken", "cut"):
            text = text[: len(text) // 2]
        await asyncio.sleep(latency)
        tokens = len(prompt) // 4, len(text) // 4
        return web.json_response(
            {
                "model": model,
                "choices": [
                    {
                        "index": 0,
                        "finish_reason": "length" if fault == "cut" else "stop",
                        "message": {"role": "assistant", "content": text},
                    }
                ],
                "usage": {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)},
            }
        )

    async def stats(_: web.Request) -> web.Response:
        figures = asdict(counted)
        figures["asked_twice"] = sum(n > 1 for n in figures.pop("prompts").values())
        return web.json_response(figures)

    app = web.Application()
    app.add_routes([web.post("/v1/chat/completions", chat), web.get("/stats", stats)])
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--port", type=int, default=0)
    for name in asdict(Faults()):
        parser.add_argument(f"--{name}", type=int, default=0, help=f"every n-th request: {name}")
    options = parser.parse_args()
    faults = Faults(**{name: getattr(options, name) for name in asdict(Faults())})

    async def run() -> None:
        runner = web.AppRunner(application(options.latency, faults), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", options.port, backlog=1024)
        await site.start()
        port = runner.addresses[0][1]
        print(json.dumps({"url": f"http://127.0.0.1:{port}/v1"}), flush=True)
        await asyncio.Event().wait()

    asyncio.run(run())


if __name__ == "__main__":
    main()

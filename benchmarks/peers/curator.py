"""curator: its OpenAI backend with a response format; rate limits out of the way, its cache on as it comes."""

from __future__ import annotations

import os
from typing import Any

from bespokelabs import curator
from pydantic import BaseModel

from benchmarks.peers import Task
from benchmarks.peers.driving import ASK, SYSTEM, drive, folder

UNLIMITED = {"max_requests_per_minute": 1_000_000, "max_tokens_per_minute": 1_000_000_000}


class Pair(BaseModel):
    question: str
    answer: str


class Pairs(BaseModel):
    pairs: list[Pair]


class Writer(curator.LLM):
    response_format = Pairs

    def prompt(self, row: dict[str, str]) -> list[dict[str, str]]:
        return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": ASK.format(passage=row["passage"])}]

    def parse(self, row: dict[str, str], reply: Pairs) -> list[dict[str, str]]:
        return [pair.model_dump() for pair in reply.pairs]


def make(task: Task) -> list[Any]:
    os.environ["CURATOR_CACHE_DIR"] = str(folder(task, "cache"))
    # The name of a model that its tables know: it then asks for JSON by schema without trying first.
    writer = Writer(
        "gpt-4o-mini",
        backend="openai",
        backend_params={
            "max_concurrent_requests": task.concurrency,
            **UNLIMITED,
        },
    )
    return list(writer([{"passage": passage} for passage in task.passages]).dataset)


if __name__ == "__main__":
    drive("bespokelabs-curator", make)

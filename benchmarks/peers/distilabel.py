"""distilabel: a pipeline of one TextGeneration task, whose batches are as large as the concurrency allows."""

from __future__ import annotations

from typing import Any

from distilabel.models import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts
from distilabel.steps.tasks import TextGeneration

from benchmarks.peers import Task
from benchmarks.peers.driving import ASK, SYSTEM, drive, folder


def make(task: Task) -> list[Any]:
    rows = [{"instruction": ASK.format(passage=passage)} for passage in task.passages]
    with Pipeline(name="pairs", cache_dir=folder(task, "cache")) as pipeline:
        load = LoadDataFromDicts(data=rows, batch_size=task.concurrency)
        write = TextGeneration(
            llm=OpenAILLM(
                model="stub", base_url=task.url, api_key="not-needed", generation_kwargs={"max_new_tokens": 1024}
            ),
            system_prompt=SYSTEM,
            input_batch_size=task.concurrency,
            add_raw_input=False,
            add_raw_output=False,
        )
        load >> write
    found = pipeline.run(use_cache=True)
    return [text for text in found["default"]["train"]["generation"] if text is not None]


if __name__ == "__main__":
    drive("distilabel", make)

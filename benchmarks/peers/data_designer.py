"""DataDesigner: a seed table of passages and one structured column."""

from __future__ import annotations

from typing import Any

import data_designer.config as dd
import pandas as pd
from data_designer.interface import DataDesigner
from pydantic import BaseModel

from benchmarks.peers import Task
from benchmarks.peers.driving import SYSTEM, drive, folder

ROWS_PER_GROUP = 20
"""It resumes whole row groups only: the default of 1,000 makes one of the entire run. Three groups run at once."""


class Pair(BaseModel):
    question: str
    answer: str
    question_type: str
    difficulty: str
    evidence: list[str]


class Pairs(BaseModel):
    pairs: list[Pair]


def make(task: Task) -> list[Any]:
    model = dd.ModelConfig(
        alias="teacher",
        model="stub",
        provider="stub",
        skip_health_check=True,
        inference_parameters=dd.ChatCompletionInferenceParams(max_parallel_requests=task.concurrency),
    )
    config = dd.DataDesignerConfigBuilder(model_configs=[model])
    config.with_seed_dataset(dd.DataFrameSeedSource(df=pd.DataFrame({"passage": task.passages})))
    config.add_column(
        dd.LLMStructuredColumnConfig(
            name="pairs",
            model_alias="teacher",
            system_prompt=SYSTEM,
            output_format=Pairs,
            prompt="Write exactly 1 pair of a question and its answer from this passage.\n"
            "<passage>\n{{ passage }}\n</passage>",
        )
    )
    tool = DataDesigner(
        artifact_path=folder(task, "artifacts"),
        managed_assets_path=folder(task, "assets"),
        model_providers=[dd.ModelProvider(name="stub", endpoint=task.url, api_key="not-needed")],
    )
    small = {"buffer_size": ROWS_PER_GROUP} if task.resumable else {}
    tool.set_run_config(dd.RunConfig(otel_metrics_port=None, **small))
    found = tool.create(config, num_records=len(task.passages), dataset_name="pairs", resume=dd.ResumeMode.IF_POSSIBLE)
    return list(found.load_dataset()["pairs"])


if __name__ == "__main__":
    drive("data-designer", make)

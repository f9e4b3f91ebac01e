"""examples/sagemaker/launch.ipynb asks SageMaker for the job that the product asks for.

Its cells are executed; the classes of the `sagemaker` SDK, which is too large to install for a test, are replaced by
ones that keep what they are given and take the fields of release 3.27.0 only.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dataforge import settings
from dataforge.platform.aws.sagemaker_jobs import SageMakerTrainer
from dataforge.platform.ports import TrainingRequest
from dataforge.training import options
from tests.support.paths import ROOT

FOLDER = ROOT / "examples/sagemaker"
FIELDS = {
    "CheckpointConfig": "s3_uri local_path",
    "MetricDefinition": "name regex",
    "OutputDataConfig": "s3_output_path kms_key_id compression_type",
    "StoppingCondition": "max_runtime_in_seconds max_wait_time_in_seconds",
    "Compute": "instance_type instance_count volume_size_in_gb keep_alive_period_in_seconds "
    "enable_managed_spot_training",
    "InputData": "channel_name data_source content_type",
    "ModelTrainer": "role base_job_name compute networking stopping_condition training_image output_data_config "
    "input_data_config checkpoint_config training_input_mode environment hyperparameters tags",
}
MODULES = {
    "sagemaker.core.shapes": ("CheckpointConfig", "MetricDefinition", "OutputDataConfig", "StoppingCondition"),
    "sagemaker.core.training.configs": ("Compute", "InputData"),
    "sagemaker.train": ("ModelTrainer",),
}


class Kept:
    """What an object of the SDK was made with."""

    allowed = ""
    trained: dict[str, Any]
    metrics: list[Kept]

    def __init__(self, **given: Any) -> None:
        assert given.keys() <= set(self.allowed.split()), given
        self.given = given

    def with_metric_definitions(self, metrics: list[Kept]) -> Kept:
        self.metrics = metrics
        return self

    def train(self, **given: Any) -> None:
        self.trained = given


class Bucket:
    def __init__(self) -> None:
        self.files: dict[str, str] = {}

    def client(self, service: str) -> Bucket:
        assert service == "s3"
        return self

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:
        self.files[Key] = Body.decode()


def cells() -> list[str]:
    notebook = json.loads((FOLDER / "launch.ipynb").read_text("utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    assert all(cell["outputs"] == [] for cell in notebook["cells"] if cell["cell_type"] == "code")
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """The names that the notebook defines, and its bucket as `files`."""
    for module, names in MODULES.items():
        made = ModuleType(module)
        for name in names:
            setattr(made, name, type(name, (Kept,), {"allowed": FIELDS[name]}))
        monkeypatch.setitem(sys.modules, module, made)
    bucket = Bucket()
    monkeypatch.setitem(sys.modules, "boto3", bucket)  # type: ignore[arg-type]
    monkeypatch.chdir(tmp_path)
    for name in ("train.jsonl", "validation.jsonl"):
        Path(name).write_text(json.dumps({"prompt": "How long?", "completion": "300 metres."}) + "\n")
    found: dict[str, Any] = {}
    for cell in cells():
        exec(compile(cell, "launch.ipynb", "exec"), found)
    return {**found, "files": bucket.files}


@pytest.fixture
def expected(executed: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the product sends for the same training."""
    monkeypatch.setenv("DATAFORGE_TRAINING_ROLE", executed["ROLE"])
    monkeypatch.setenv("DATAFORGE_TRAINING_IMAGE", executed["IMAGE"])
    settings.get.cache_clear()
    folder = executed["FOLDER"]
    channels = {name: f"{folder}/input/data/{name}" for name in ("config", "train", "validation")}
    request = TrainingRequest(
        job_id=executed["JOB"], files_prefix=folder, channels=channels, instance_type=executed["INSTANCE"]
    )
    job = SageMakerTrainer(executed["BUCKET"], client=object()).job(request)
    settings.get.cache_clear()
    return job


def test_image_role_machine_and_paths_are_those_that_the_product_sends(executed, expected) -> None:
    given = {name: getattr(value, "given", value) for name, value in executed["trainer"].given.items()}
    algorithm, resources = expected["AlgorithmSpecification"], expected["ResourceConfig"]

    assert given["training_image"] == algorithm["TrainingImage"]
    assert given["training_input_mode"] == algorithm["TrainingInputMode"]
    assert given["role"] == expected["RoleArn"]
    assert list(given["compute"].values()) == list(resources.values())
    assert list(given["output_data_config"].values()) == list(expected["OutputDataConfig"].values())
    assert list(given["checkpoint_config"].values()) == list(expected["CheckpointConfig"].values())
    assert list(given["stopping_condition"].values()) == list(expected["StoppingCondition"].values())
    assert given["hyperparameters"] == expected.get("HyperParameters", {}) == {}
    assert [list(m.given.values()) for m in executed["trainer"].metrics] == [
        list(m.values()) for m in algorithm["MetricDefinitions"]
    ]


def test_the_channels_are_those_of_the_product_and_hold_what_the_notebook_wrote(executed, expected) -> None:
    channels = {
        c.given["channel_name"]: c.given["data_source"] for c in executed["trainer"].trained["input_data_config"]
    }
    sent = {c["ChannelName"]: c["DataSource"]["S3DataSource"]["S3Uri"] for c in expected["InputDataConfig"]}
    [config] = [text for key, text in executed["files"].items() if key.endswith("/config/training.json")]

    assert channels == sent
    for uri in channels.values():
        assert [key for key in executed["files"] if f"s3://{executed['BUCKET']}/{key}".startswith(uri)]
    program = options.TABLE.keys() - options.NOT_FOR_THE_PROGRAM
    assert json.loads(config).keys() <= {*program, "network"}

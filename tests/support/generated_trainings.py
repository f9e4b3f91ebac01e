"""A world with a trained model for generated requests: what the operations of the training API need to succeed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemathesis import Case

from tests.support.model_hub import TOKEN, model_hub
from tests.support.own_models import add_model
from tests.support.paths import ROOT
from tests.support.service import Service
from tests.support.trainings import ENDED, Trainings

if TYPE_CHECKING:
    from tests.support.generated_requests import Dice

SHIPS = ("Aurora", "Borealis", "Castor", "Deneb", "Electra", "Fortuna", "Gemini", "Hera", "Iris", "Juno", "Kepler")
BERTHS = "".join(
    f"# Ferry {ship}\n\nThe ferry {ship} was built in {1950 + 3 * n} and carries {40 + 7 * n} passengers. The captain "
    f"of the {ship} lives in house {n + 2} of the old port.\n\n"
    for n, ship in enumerate(SHIPS)
)
SMALL = {"task": "text-generation", "model_name": "org/tiny", "num_train_epochs": 1}
CONVERTER = """
import pathlib, sys
pathlib.Path(sys.argv[sys.argv.index("--outfile") + 1]).write_bytes(b"GGUF")
"""
FIRST_SPARE = 1000
"""Numbers of models that are made to be deleted; no training of a test comes so far."""


@contextmanager
def settings_of(folder: Path) -> Iterator[dict[str, str]]:
    """The environment of a server that serves, exports and pushes models, by stand-ins."""
    converter = folder / "convert.py"
    converter.write_text(CONVERTER)
    with model_hub() as hub:
        yield {
            "DATAFORGE_SERVING_PROGRAM": f"{sys.executable} -m tests.support.model_program",
            "DATAFORGE_GGUF_CONVERTER": f"{sys.executable} {converter}",
            "PYTHONPATH": str(ROOT),
            "HF_ENDPOINT": hub.url,
            "HF_TOKEN": TOKEN,
        }


class TrainedModels:
    """Model 1 was trained on the export of a project, and evaluated."""

    def __init__(self, service: Service) -> None:
        self._service, self._trainings = service, Trainings(service)
        self._made, self._long = FIRST_SPARE, ""
        project_id = service.project(config={"auto_accept_min_quality": 0})
        service.upload(project_id, "berths.md", BERTHS.encode())
        service.parse(project_id)
        service.generate(project_id, num_pairs=20, config={"check_duplicates": False})
        service.call("POST", f"/projects/{project_id}/export")
        started = self._trainings.start(**SMALL, provider="huggingface", dataset=f"{project_id}@1", eval_split=0.4)
        ended = self._trainings.wait(started["job_id"])
        assert ended["model_id"] == 1, ended
        self._dataset = self._trainings.dataset()

    def put(self, case: Case, dice: Dice) -> bool:
        """What the case needs to do what it asks for, in some of the cases; whether it is one of the training API."""
        path = case.operation.path
        if not path.startswith("/api/") or path.startswith("/api/v1/"):
            return False
        if case.method == "DELETE" and str((case.path_parameters or {}).get("model_id")).strip().lstrip("0+") == "1":
            case.path_parameters["model_id"] = FIRST_SPARE - 1  # nobody deletes what later cases need
        if case.path_parameters and dice.below(4):
            self._put_path(case)
        if dice.below(4) == 0 or case.method != "POST":
            if case.query and "over" in case.query:
                case.query["over"] = 1
            return True
        if path == "/api/start_training" and dice.below(8) == 0:
            self._wait()
            case.body = {**SMALL, "dataset": self._dataset, "estimate": dice.below(3) == 0}
        elif path == "/api/stop_training" and dice.below(3) == 0:
            case.body = {"job_id": self._begun()} if dice.below(2) else {}
        elif path.endswith("/evaluate"):
            self._wait_for_verifier()
            case.body = {"verifier": "trained:1", "both_orders": bool(dice.below(2)), "seed": dice.below(100)}
        elif path == "/api/playground/generate":
            case.body = {"model_id": 1, "prompt": "How long?", "stream": bool(dice.below(2))}
        elif path == "/api/hub/push":
            case.body = {"model_id": 1, "repo_name": "harbour/model"}
        elif path.endswith("/export"):
            case.body = {"format": "gguf", "precision": "f16"}
        return True

    def throw_away(self, names: set[str]) -> dict[str, Any]:
        """A model, or an uploaded file, that is made to be deleted."""
        if names == {"model_id"}:
            self._made += 1
            add_model(self._trainings.org_id, model_id=self._made, name="to delete")
            return {"model_id": self._made}
        return {"filename": self._trainings.dataset(name="gone.jsonl")} if names == {"filename"} else {}

    def close(self) -> None:
        """A training would outlive its server."""
        active = self._trainings.status()
        if active["status"] == "training":
            self._stop(active["job_id"])
            self._wait()

    def _put_path(self, case: Case) -> None:
        if "model_id" in case.path_parameters and case.method != "DELETE":
            case.path_parameters["model_id"] = 1
        if "upload_id" in case.path_parameters:
            data = b'{"input": "How long is the quay?", "output": "300 metres."}\n' * 12
            announced = {"filename": "large.jsonl", "size_bytes": len(data)}
            place = self._trainings.call("POST", "/upload_dataset/url", json=announced)
            self._service.put(place["upload_url"], data, "application/octet-stream")
            case.path_parameters["upload_id"] = place["upload_id"]

    def _begun(self) -> str:
        """A training that takes a minute, if nobody stops it."""
        self._wait()
        started = self._trainings.start(
            **{**SMALL, "num_train_epochs": 1000}, provider="huggingface", dataset=self._dataset
        )
        self._long = str(started["job_id"])
        return self._long

    def _wait(self) -> None:
        """Until no training goes on; one that a case has begun is short, unless it is to be stopped."""
        active = self._trainings.status()
        if active["status"] not in (*ENDED, "idle"):
            if active["job_id"] == self._long:
                self._stop(active["job_id"])
            self._trainings.wait(active["job_id"])

    def _stop(self, job_id: str) -> None:
        """One that has ended meanwhile answers 404, which is fine."""
        self._service.http.post("/api/stop_training", json={"job_id": job_id}, headers=self._trainings.headers)

    def _wait_for_verifier(self) -> None:
        found = self._trainings.call("GET", "/models/1")["evaluation"]["verifier"]
        if found and found["status"] == "running":
            self._service.doze(found["run_id"])

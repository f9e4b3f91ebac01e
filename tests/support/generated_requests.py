"""Generated requests to the real API, in whose place of ids often stand those of things that exist."""

from __future__ import annotations

import os
import zlib
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import schemathesis
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core import NotSet
from schemathesis.core.transport import Response
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from dataforge import settings
from tests.support.generated_trainings import TrainedModels, settings_of
from tests.support.service import BASE, Service, embedded_service
from tests.support.synthetic_api import Synthetic

TEXT = (
    b"# Moorings\n\nThe harbour master answers every request within 24 hours. The fee is 30 euros a day for each boat "
    b"longer than 12 metres. Boats leave the quay by 18:00 on Sundays.\n\n# Fuel\n\nThe fuel dock sells diesel from "
    b"08:00 to 17:00. A skipper who spills fuel pays a fine of 500 euros to the port office.\n"
)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
TEMPLATED = {"generator": {"provider": "templated", "model": "templated"}}
MOST_PAIRS = 12
"""A case may ask for 100,000 pairs; the run behind it is not what is tested here."""

T = TypeVar("T")


class Dice:
    """Choices that depend on the case alone, so that the same case always does the same."""

    def __init__(self, case: Case) -> None:
        parts = [dict(part or {}) for part in (case.path_parameters, case.query, case.headers)]
        body = None if isinstance(case.body, NotSet) else case.body
        self._left = zlib.crc32(ascii((case.operation.label, case.method, parts, body)).encode())

    def below(self, sides: int) -> int:
        self._left, rolled = divmod(self._left * 2654435761 % 2**40, sides)
        return rolled

    def one(self, things: list[T]) -> T:
        return things[self.below(len(things))]


@dataclass
class Harbour:
    """A project with a parsed document, a finished generation, pairs, and one export."""

    project_id: str
    document_ids: list[str]
    chunk_ids: list[str]
    pair_ids: list[str]
    generation_ids: list[str]
    s3_key: str
    job_ids: list[str]
    """A synthetic job with results and splits."""

    def real(self, name: str, dice: Dice) -> Any:
        """Something of the kind that a parameter or field of this name means; None for other names."""
        kinds: dict[str, list[Any]] = {
            "project_id": [self.project_id],
            "document_id": self.document_ids,
            "chunk_id": self.chunk_ids,
            "pair_id": self.pair_ids,
            "generation_id": self.generation_ids,
            "version": [1],
            "job_id": self.job_ids,
        }
        if name.endswith("_ids") and name[:-1] in kinds:
            return kinds[name[:-1]][: 1 + dice.below(3)]
        return dice.one(kinds[name]) if name in kinds else None


@dataclass
class World:
    """Whom the cases are sent to, and what came back."""

    service: Service
    stranger: dict[str, str]
    harbours: list[Harbour]
    quiet: Harbour
    """Only for generate cases: parses of what other cases registered would keep it busy."""
    trained: TrainedModels
    answers: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    """operation -> how often it answered which status."""
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=4))
    """Runs that cases started: they may still be under way."""

    @property
    def cases(self) -> int:
        return sum(sum(statuses.values()) for statuses in self.answers.values())

    def send(self, case: Case) -> None:
        """Put existing ids in, send as one of several callers, check the answer."""
        dice = Dice(case)
        free = case.path_parameters or case.query or case.headers or not isinstance(case.body, NotSet)
        who, headers = dice.one(self.callers() if free else self.callers()[:1])
        harbour = dice.one(self.harbours)
        if case.operation.path.endswith("/projects/{project_id}/generate") and dice.below(3):
            harbour = self._idle()
        is_training = self.trained.put(case, dice)
        self._put_ids(case, harbour, dice)
        if isinstance(case.body, dict) and not is_training:
            if case.operation.path.startswith("/v1/synthetic"):
                self._put_job(case.body, dice)
            self._put_body(case.body, harbour, dice)

        response = case.call(headers=headers)

        case.validate_response(response, checks=CHECKS)
        self._check(case, who, response)
        self.answers[case.operation.label][response.status_code] += 1
        plain = "application/json" in response.headers.get("content-type", [""])[0]
        message = response.json() if response.status_code == 200 and plain else {}
        if message and case.operation.path.endswith(("/parse", "/generate")):
            self.recent += [message["generationId"]] if "generationId" in message else []  # an estimate starts nothing
        if "/bulk-action" in case.operation.path:
            self._give_back(harbour, message)

    def _idle(self) -> Harbour:
        """The quiet harbour, once its last run has ended."""
        project = self.quiet.project_id
        for run in self.service.call("GET", f"/projects/{project}/generations", page=1, page_size=1):
            self.service.wait(run["generationId"])
        return self.quiet

    def _put_job(self, body: dict[str, Any], dice: Dice) -> None:
        """Two in three ask for something small that the offline generator can make."""
        if isinstance(body.get("count"), int):
            body["count"] = min(body["count"], MOST_PAIRS)
        if dice.below(3):
            schema = dice.one(["instruction_v1", "preference_v1", "eval_v1"])
            body |= {"schema": schema, "domain": "harbour services", "count": 1 + dice.below(5), "models": TEMPLATED}
            for name in ("model", "conflict_config", *(["advanced", "constraints"] if dice.below(2) else [])):
                body.pop(name, None)

    def _give_back(self, harbour: Harbour, answer: Any) -> None:
        """After a bulk action, also one that was only made to be undone, later cases need the pairs, accepted."""
        place = f"/projects/{harbour.project_id}/pairs/bulk-action"
        if answer.get("action") == "delete" and (token := answer["undo_token"]):
            undone = self._post(f"{place}/undo", {"undo_token": token})
            assert undone["restored_count"] == answer["affected_count"]
        self._post(place, {"action": "accept", "filters": {}})

    def callers(self) -> list[tuple[str, dict[str, str]]]:
        """A member in eight of twelve cases; the first is one."""
        own = self.service.headers
        key, organization = own["X-API-Key"], own["X-Organization-ID"]
        return [
            *[("member", own)] * 7,
            ("member", {"Authorization": f"Bearer {key}", "X-Organization-ID": organization}),
            ("nobody", {}),
            ("nobody", {"X-API-Key": "sk_unknown", "X-Organization-ID": organization}),
            ("intruder", {"X-API-Key": self.stranger["X-API-Key"], "X-Organization-ID": organization}),
            ("stranger", self.stranger),
        ]

    def _put_ids(self, case: Case, harbour: Harbour, dice: Dice) -> None:
        """Three path parameters and query ids in four become real; what DELETE names is made for it."""
        path = case.path_parameters
        if path and case.method == "DELETE":
            path.update(self._throw_away(set(path)) if dice.below(4) else {})
            return
        for parameters in (path, case.query):
            for name in parameters or ():
                real = harbour.real(name, dice)
                if real is not None and dice.below(4):
                    parameters[name] = real
        if path and "generation_id" in path and dice.below(2):
            path["generation_id"] = self._run(case, harbour, dice) or path["generation_id"]
        if path and "job_id" in path and case.operation.path.endswith("/cancel") and dice.below(2):
            path["job_id"] = start_job(self.service, 60)

    def _run(self, case: Case, harbour: Harbour, dice: Dice) -> str | None:
        """A run that may still be under way; to cancel, one begun for it, unless the harbour is busy."""
        if not case.operation.path.endswith("/cancel"):
            return dice.one([*self.recent]) if self.recent else None
        begun = self._post(
            f"/projects/{harbour.project_id}/generate", {"model_id": "extractive", "num_pairs": MOST_PAIRS}
        )
        return begun.get("generationId")

    def _post(self, path: str, body: dict[str, Any], base: str = BASE) -> dict[str, Any]:
        """What the member is answered, refusals too."""
        answer: dict[str, Any] = self.service.http.post(base + path, headers=self.service.headers, json=body).json()
        return answer

    def _throw_away(self, names: set[str]) -> dict[str, str]:
        """Something made to be deleted, by the names in its path; nothing where nobody says here how to make one."""
        if names == {"project_id"}:
            return {"project_id": self.service.project(name="to delete")}
        if names == {"project_id", "document_id"}:
            project_id = self.service.project(name="to delete")
            return {
                "project_id": project_id,
                "document_id": self.service.upload(project_id, "gone.md", TEXT)["documentId"],
            }
        if names == {"key_id"}:
            self.clear_keys()
            return {"key_id": self._post("/v1/api-keys", {"name": "to revoke"}, base="")["id"]}
        if names == {"user_id"}:
            return {"user_id": self._post("/v1/members", {"name": "to remove"}, base="")["user_id"]}
        return self.trained.throw_away(names)

    def clear_keys(self) -> None:
        """There may be ten keys, and cases make more."""
        own = self.service.http.get("/api/v1/auth/whoami", headers=self.service.headers).json()["keyId"]
        for key in self.service.http.get("/v1/api-keys", headers=self.service.headers).json():
            if key["id"] != own:
                self.service.http.delete(f"/v1/api-keys/{key['id']}", headers=self.service.headers)

    def _put_body(self, body: dict[str, Any], harbour: Harbour, dice: Dice) -> None:
        """Values that no generator can guess, and none that make work without end."""
        guesses: dict[str, Any] = {"model_id": "extractive", "generation_type": "qa", "force": True, "user_id": None}
        for name in list(body):
            value = guesses[name] if name in guesses else harbour.real(name, dice)
            if (name in guesses or value is not None) and dice.below(4):
                body[name] = value
        if "pair_ids" in body and "filters" in body and dice.below(4):
            del body[dice.one(["pair_ids", "filters"])]
        if "undo_token" in body and dice.below(4):
            done = self._post(
                f"/projects/{harbour.project_id}/pairs/bulk-action",
                {"action": dice.one(["accept", "reject"]), "filters": {}},
            )
            body["undo_token"] = done.get("undo_token") or body["undo_token"]
        if "scopes" in body and not dice.below(8):
            self.clear_keys()
        if body.get("s3_key") and dice.below(4):
            body |= {"s3_key": harbour.s3_key, "file_size": len(TEXT)}
        if str(body.get("url")).startswith("http"):
            body["url"] = "http://127.0.0.1/refused"  # a parse would wait long for hosts that nobody has
        asked = body.get("num_pairs")
        if isinstance(asked, int) and MOST_PAIRS < asked <= 100_000:
            body["num_pairs"] = 1 + asked % MOST_PAIRS

    def _check(self, case: Case, who: str, response: Response) -> None:
        """What every answer promises beyond its schema."""
        status = response.status_code
        if status >= 400:
            said_back = response.json()
            assert said_back["status_code"] == status
            assert said_back["detail"] == said_back["message"] != ""
            assert [said_back["request_id"]] == response.headers["x-request-id"]
            assert bool(said_back.get("errors")) <= (status in (400, 413, 422))
        if status == 405:
            assert case.method not in response.headers["allow"][0].split(", ")
        elif "security" in case.operation.definition.raw:
            seen = f"{who} got {status} from {case.as_curl_command()}"
            assert who != "nobody" or status in (400, 401), seen
            assert who != "intruder" or status in (400, 403), seen
            assert who != "stranger" or status >= 400 or "{" not in case.operation.path, seen

    @property
    def succeeded(self) -> float:
        """The share of cases that did what they asked for."""
        return sum(was[200] + was[201] + was[202] for was in self.answers.values()) / max(1, self.cases)

    def missed(self) -> list[str]:
        """Operations that never succeeded: what is checked there is only how they refuse."""
        good = {200, 201, 202}
        return [f"{operation}: {dict(was)}" for operation, was in self.answers.items() if not was.keys() & good]


def prepare(home: Path) -> Iterator[World]:
    """The whole embedded platform with three harbours in it, and no limit on calls: cases come by the hundred."""
    unlimited = {f"DATAFORGE_RATE_{api}": "0" for api in ("DATA_FORGE", "ACCOUNTS", "SYNTHETIC", "TRAINING")}
    with settings_of(home.parent) as serving:
        before = {name: os.environ.get(name) for name in (*unlimited, *serving)}
        os.environ.update(unlimited | serving)
        settings.get.cache_clear()
        for service in embedded_service(home):
            trained, harbours = TrainedModels(service), [make_harbour(service) for _ in range(3)]
            yield World(service, service.other().headers, harbours, make_harbour(service), trained)
            trained.close()
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value
    settings.get.cache_clear()


def make_harbour(service: Service) -> Harbour:
    project_id = service.project(config={"auto_accept_min_quality": 0})
    documents = [service.upload(project_id, f"port-{n}.md", TEXT + b"Berth %d is free.\n" % n) for n in range(2)]
    parsed = service.parse(project_id)
    made = service.generate(project_id, num_pairs=6)
    pairs = service.call("GET", f"/projects/{project_id}/pairs")["pairs"]
    chunks = service.call("GET", f"/projects/{project_id}/chunks")["chunks"]
    service.call("POST", f"/projects/{project_id}/export")
    spare = service.call("POST", f"/projects/{project_id}/upload-url", json={"filename": "spare.md"})
    assert service.put(spare["upload_url"], TEXT, "application/octet-stream") == 200
    return Harbour(
        project_id,
        [d["documentId"] for d in documents],
        [c["chunkId"] for c in chunks],
        [p["pairId"] for p in pairs],
        [parsed["generationId"], made["generationId"]],
        spare["s3_key"],
        [make_job(service)],
    )


def make_job(service: Service) -> str:
    """A synthetic job that has ended, with results, splits and all."""
    return str(Synthetic(service).wait(start_job(service, 5))["job_id"])


def start_job(service: Service, count: int) -> str:
    started = Synthetic(service).start(
        {
            "schema": "instruction_v1",
            "domain": "harbour services",
            "count": count,
            "models": TEMPLATED,
            "advanced": {"output_split": {"train": 60, "test": 40}},
        }
    )
    return str(started["job_id"])


def described(*, boundaries: bool) -> BaseSchema:
    """The service's own document, with keys left to the cases; the app finds its platform at the first request.

    boundaries: also the 2,700 cases that schemathesis derives from the limits of each parameter, besides random ones.
    """
    from dataforge_functions.api.main import create_app

    settings.get.cache_clear()
    config = schemathesis.Config.from_dict(
        {"generation": {"with-security-parameters": False}, "phases": {"coverage": {"enabled": boundaries}}}
    )
    return schemathesis.openapi.from_asgi("/openapi.json", create_app(), config=config)

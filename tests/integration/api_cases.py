"""Generated requests to the real API, in whose place of ids often stand those of things that exist."""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from contextlib import suppress
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
from dataforge.errors import Conflict
from dataforge.store import orgs
from tests.integration.conftest import BASE, Service, embedded_service

TEXT = (
    b"# Moorings\n\nThe harbour master answers every request within 24 hours. The fee is 30 euros a day for each boat "
    b"longer than 12 metres. Boats leave the quay by 18:00 on Sundays.\n\n# Fuel\n\nThe fuel dock sells diesel from "
    b"08:00 to 17:00. A skipper who spills fuel pays a fine of 500 euros to the port office.\n"
)
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]
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


@dataclass
class World:
    """Whom the cases are sent to, and what came back."""

    service: Service
    stranger: dict[str, str]
    harbours: list[Harbour]
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
        self._put_ids(case, harbour, dice)
        if isinstance(case.body, dict):
            self._put_body(case.body, harbour, dice)

        response = case.call(headers=headers)

        case.validate_response(response, checks=CHECKS)
        self._check(case, who, response)
        self.answers[case.operation.label][response.status_code] += 1
        if response.status_code == 200 and case.operation.path.endswith(("/parse", "/generate")):
            self.recent.append(response.json()["generationId"])

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
        if path and "key_id" in path and dice.below(4):
            path["key_id"] = self._spare_key()
        elif path and "project_id" in path and case.method == "DELETE" and dice.below(4):
            project_id, document_id = self._throw_away("document_id" in path)
            path["project_id"] = project_id
            if "document_id" in path:
                path["document_id"] = document_id
            return
        started = self._begin(harbour) if case.operation.path.endswith("/cancel") else None
        real = {
            "project_id": harbour.project_id, "document_id": dice.one(harbour.document_ids),
            "generation_id": started or dice.one([*harbour.generation_ids, *self.recent]),
            "pair_id": dice.one(harbour.pair_ids), "version": 1,
        }
        for parameters in (path, case.query):
            for name in parameters or ():
                if name in real and dice.below(4) and case.method != "DELETE":
                    parameters[name] = real[name]

    def _begin(self, harbour: Harbour) -> str | None:
        """A run to cancel, unless the harbour is busy."""
        answer = self.service.http.post(
            f"{BASE}/projects/{harbour.project_id}/generate", headers=self.service.headers,
            json={"model_id": "extractive", "num_pairs": MOST_PAIRS},
        )
        return answer.json()["generationId"] if answer.status_code == 200 else None

    def _throw_away(self, with_document: bool) -> tuple[str, str]:
        project_id = self.service.project(name="to delete")
        if not with_document:
            return project_id, ""
        return project_id, self.service.upload(project_id, "gone.md", TEXT)["documentId"]

    def _spare_key(self) -> str:
        """A key to revoke; an earlier spare one if the organisation may have no more."""
        org_id = self.service.headers["X-Organization-ID"]
        first = orgs.keys_of(org_id)[0]
        with suppress(Conflict):
            orgs.create_key(org_id, first.user_id, name="spare")
        return orgs.keys_of(org_id)[-1].key_id

    def _put_body(self, body: dict[str, Any], harbour: Harbour, dice: Dice) -> None:
        """Values that no generator can guess, and none that make work without end."""
        guesses: dict[str, Any] = {
            "model_id": "extractive", "generation_type": "qa", "chunk_ids": harbour.chunk_ids[:2],
            "document_ids": harbour.document_ids, "force": True,
        }
        for name, value in guesses.items():
            if name in body and dice.below(4):
                body[name] = value
        if body.get("s3_key") and dice.below(4):
            body |= {"s3_key": harbour.s3_key, "file_size": len(TEXT)}
        asked = body.get("num_pairs")
        if isinstance(asked, int) and MOST_PAIRS < asked <= 100_000:
            body["num_pairs"] = 1 + asked % MOST_PAIRS

    def _check(self, case: Case, who: str, response: Response) -> None:
        """What every answer promises beyond its schema."""
        status = response.status_code
        if status >= 400:
            told = response.json()
            assert told["status_code"] == status
            assert told["detail"] == told["message"] != ""
            assert [told["request_id"]] == response.headers["x-request-id"]
            assert bool(told.get("errors")) <= (status in (400, 413, 422))
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
        return sum(was[200] + was[201] for was in self.answers.values()) / max(1, self.cases)

    def missed(self) -> list[str]:
        """Operations that never succeeded: what is checked there is only how they refuse."""
        return [f"{operation}: {dict(was)}" for operation, was in self.answers.items() if not was.keys() & {200, 201}]


def prepare(home: Path) -> Iterator[World]:
    """The whole embedded platform with three harbours in it."""
    settings.get.cache_clear()
    for service in embedded_service(home):
        yield World(service, service.other().headers, [_harbour(service) for _ in range(3)])
    settings.get.cache_clear()


def _harbour(service: Service) -> Harbour:
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
        project_id, [d["documentId"] for d in documents], [c["chunkId"] for c in chunks],
        [p["pairId"] for p in pairs], [parsed["generationId"], made["generationId"]], spare["s3_key"],
    )


def described() -> BaseSchema:
    """The service's own document, with keys left to the cases; the app finds its platform at the first request."""
    from functions.api.main import create_app

    settings.get.cache_clear()
    config = schemathesis.Config.from_dict({"generation": {"with-security-parameters": False}})
    return schemathesis.openapi.from_asgi("/openapi.json", create_app(), config=config)

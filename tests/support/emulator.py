"""The test bed: ministack on loopback, fresh for every run, in an environment of its own (`make test-deploy` makes it).

What it refuses is taken out of the templates by name, below. What it takes and ignores (expiry, recovery, encryption,
lifecycle, access logs, retries of rule targets) is asserted on the template in `tests/infra`.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.paths import ROOT

PYTHON = ROOT / ".tools/emulator/bin/python"
HOST, ACCOUNT, REGION = "127.0.0.1", "000000000000", "us-east-1"
START_S = 60

REFUSED: dict[str, str] = {
    "AWS::S3::BucketPolicy": "the bed speaks plain http, which the policy denies",
    "AWS::SQS::QueuePolicy": "the same",
    "AWS::WAFv2::WebACLAssociation": "unknown to the bed",
    "AWS::Budgets::Budget": "unknown to the bed",
}
"""Resource type -> why it cannot stand there."""


@dataclass(frozen=True)
class Bed:
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def environment(self) -> dict[str, str]:
        """For a process that deploys or calls: no other account, no other address."""
        return {
            **os.environ,
            **sealed(),
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def socket(self, deployed_url: str) -> str:
        api, stage = deployed_url.removeprefix("wss://").split(".")[0], deployed_url.rstrip("/").rsplit("/", 1)[1]
        return f"ws://{HOST}:{self.port}/_aws/execute-api/{api}/{stage}"

    def rest(self, deployed_url: str) -> str:
        """Where the bed serves an API whose real address would be `deployed_url`."""
        api, stage = deployed_url.removeprefix("https://").split(".")[0], deployed_url.rstrip("/").rsplit("/", 1)[1]
        return f"{self.url}/restapis/{api}/{stage}/_user_request_"


def sealed() -> dict[str, str]:
    """Whoever tries to leave this machine by HTTP talks to a closed port."""
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), f"http://{HOST}:9")
    return {**nowhere, "NO_PROXY": HOST, "no_proxy": HOST, "AWS_EC2_METADATA_DISABLED": "true"}


@contextmanager
def running(folder: Path) -> Iterator[Bed]:
    """folder: everything that it writes lies there."""
    if not PYTHON.exists():
        raise RuntimeError(f"{PYTHON.relative_to(ROOT)} is missing; run: make test-deploy")
    with socket.create_server((HOST, 0)) as probe:
        port = probe.getsockname()[1]
    own = {
        "BIND_HOST": HOST,
        "MINISTACK_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "TMPDIR": str(folder),
        "STATE_DIR": str(folder / "state"),
        "S3_DATA_DIR": str(folder / "s3"),
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        "LOG_LEVEL": "WARNING",
        "HOME": str(folder),
        "PATH": f"{PYTHON.parent}:/usr/bin:/bin",
    }
    log = folder / "emulator.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [PYTHON, "-m", "ministack"],
            env={**own, **sealed()},
            stdout=sink,
            stderr=subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,
        )
    bed = Bed(port, process, log)
    try:
        _wait(bed)
        yield bed
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(bed: Bed) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and bed.process.poll() is None:
        try:
            with urllib.request.urlopen(f"{bed.url}/_ministack/health", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"The emulator did not start:\n{bed.log.read_text()[-3000:]}")


def fit(assembly: Path, bed: Bed) -> list[str]:
    """Take what the bed refuses out of a synthesised deployment; the logical ids that went.

    One value changes: the bed's WebSocket connections are managed at its own address, not at one of amazonaws.com.
    """
    gone: list[str] = []
    for path in assembly.glob("*.template.json"):
        template = json.loads(path.read_text())
        resources: dict[str, Any] = template["Resources"]
        refused = [name for name, resource in resources.items() if resource["Type"] in REFUSED]
        for name in refused:
            del resources[name]
        for resource in resources.values():
            variables = resource.get("Properties", {}).get("Environment", {}).get("Variables", {})
            if "DATAFORGE_SOCKET_URL" in variables:
                variables["DATAFORGE_SOCKET_URL"] = _at_the_bed(variables["DATAFORGE_SOCKET_URL"], bed)
            if needs := resource.get("DependsOn"):
                needs = [needs] if isinstance(needs, str) else needs
                resource["DependsOn"] = [name for name in needs if name not in refused]
        path.write_text(json.dumps(template))
        gone += refused
    return gone


def _at_the_bed(address: Any, bed: Bed) -> Any:
    """`https://<api>.execute-api.../<stage>` -> where the bed manages that API's connections."""
    [api] = [part for part in address["Fn::Join"][1] if isinstance(part, dict) and not part["Ref"].startswith("AWS::")]
    stage = address["Fn::Join"][1][-1].rsplit("/", 1)[1]
    return {"Fn::Join": ["", [f"{bed.url}/_aws/execute-api/", api, f"/{stage}"]]}


_STATES = {"01": "ESTABLISHED", "0A": "LISTEN"}


def sockets_of(pid: int) -> set[tuple[str, str]]:
    """(address, state) of every TCP socket of the process and its children: where it listens, and who it talks to."""
    inodes = {
        os.readlink(link).removeprefix("socket:[").rstrip("]")
        for child in (pid, *_children(pid))
        for link in Path(f"/proc/{child}/fd").iterdir()
        if os.path.lexists(link) and os.readlink(link).startswith("socket:[")
    }
    found: set[tuple[str, str]] = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in inodes and fields[3] in _STATES:
                own = _STATES[fields[3]] == "LISTEN"
                found.add((_address(fields[1] if own else fields[2]), _STATES[fields[3]]))
    return found


def _children(pid: int) -> list[int]:
    answer = Path(f"/proc/{pid}/task/{pid}/children")
    direct = (
        [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
        if answer.exists()
        else []
    )
    return [*direct, *(grandchild for child in direct for grandchild in _children(child))]


def _address(raw: str) -> str:
    """`0100007F:1F90` -> `127.0.0.1`."""
    digits = raw.split(":")[0]
    if len(digits) == 32:
        digits = digits[-8:]
    return ".".join(str(byte) for byte in bytes.fromhex(digits)[::-1])

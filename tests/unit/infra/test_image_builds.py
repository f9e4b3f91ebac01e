"""A training image is built in the account: started once, followed to its end, its failure told with the log."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from dataforge_infra.deploy import __main__ as command
from dataforge_infra.deploy import images
from dataforge_infra.deploy.account import Account, DeployError
from dataforge_infra.deploy.images import Image

OUTPUTS = {
    "ImageProject": "dataforge-dev-images",
    "ImageRepository": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/dataforge-dev-training",
    "ImageSource": "0a1b2c3d4e5f",
    "TrainingImage": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/dataforge-dev-training:huggingface",
}
LOG = {"groupName": "/dataforge/dev/images", "streamName": "abc", "deepLink": "https://console.example/log"}
PHASES = [("SUBMITTED", 0), ("QUEUED", 0), ("PROVISIONING", 0), ("PRE_BUILD", 1), ("BUILD", 3), ("BUILD", 5)]
"""What each look at the build finds: its phase, and how much of the log is there."""
LINES = [
    "Login Succeeded",
    "#5 [internal] load build definition from Dockerfile",
    "#7 [2/5] RUN pip install --require-hashes -r cuda.txt",
    "#7 12.31 Collecting torch==2.13.0\x1b[31m",
    "#8 [3/5] COPY dataforge_training /opt/program/dataforge_training",
]


class Missing(ClientError):
    pass


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "X")


@dataclass
class Aws:
    """CodeBuild, its log and ECR, as far as a build needs them. The build ends with the last of its phases."""

    ends: str = "SUCCEEDED"
    under_way: dict[str, str] | None = None
    """Its variables, if a build runs already."""
    built: tuple[str, ...] = ()
    """Tags in the repository."""
    log_refused: str = ""
    started: list[dict[str, Any]] = field(default_factory=list)
    looks: int = 0

    exceptions = SimpleNamespace(ResourceNotFoundException=Missing, ImageNotFoundException=Missing)

    def client(self, service: str, **_: Any) -> Aws:
        return self

    def list_builds_for_project(self, projectName: str, sortOrder: str) -> dict[str, Any]:
        assert (projectName, sortOrder) == ("dataforge-dev-images", "DESCENDING")
        return {"ids": ["project:running"] if self.under_way is not None else []}

    def start_build(self, **asked: Any) -> dict[str, Any]:
        self.started.append(asked)
        return {"build": {"id": "project:new"}}

    def batch_get_builds(self, ids: list[str]) -> dict[str, Any]:
        [build_id] = ids
        given = [{"name": n, "value": v} for n, v in (self.under_way or {}).items()]
        found: dict[str, Any] = {
            "id": build_id,
            "buildStatus": "IN_PROGRESS",
            "environment": {"environmentVariables": given},
        }
        if self.started or self.looks:
            self.looks += 1
        elif self.under_way is not None:  # asked whether it is the one that is wanted
            self.looks = 1
            return {"builds": [found]}
        if self.looks <= len(PHASES):
            phase, _ = PHASES[self.looks - 1]
            return {"builds": [{**found, "currentPhase": phase, "logs": LOG if phase == "BUILD" else {}}]}
        failed = {"phaseType": "BUILD", "phaseStatus": "FAILED", "contexts": [{"message": "exit status 1"}]}
        done = {"phaseType": "QUEUED", "phaseStatus": "SUCCEEDED", "contexts": []}
        phases = [done] if self.ends == "SUCCEEDED" else [done, failed]
        return {
            "builds": [{**found, "buildStatus": self.ends, "currentPhase": "COMPLETED", "phases": phases, "logs": LOG}]
        }

    def get_log_events(self, nextToken: str = "", **_: Any) -> dict[str, Any]:
        if self.log_refused:
            raise (Missing if self.log_refused == "ResourceNotFoundException" else refusal)(
                *([{"Error": {}}, "X"] if self.log_refused == "ResourceNotFoundException" else [self.log_refused])
            )
        there = PHASES[min(self.looks, len(PHASES)) - 1][1]
        since = int(nextToken or "0")
        return {"events": [{"message": line + "\n"} for line in LINES[since:there]], "nextForwardToken": str(there)}

    def describe_images(self, repositoryName: str, imageIds: list[dict[str, str]]) -> dict[str, Any]:
        assert repositoryName == "dataforge-dev-training"
        if imageIds[0]["imageTag"] not in self.built:
            raise Missing({"Error": {"Code": "ImageNotFoundException", "Message": "no"}}, "DescribeImages")
        return {"imageDetails": [{"imageTags": [imageIds[0]["imageTag"]]}]}


def account(aws: Aws) -> Account:
    return Account("111122223333", "eu-west-1", "arn:aws:iam::111122223333:user/ops", aws)


def build(aws: Aws, image: Image | None = None) -> list[str]:
    heard: list[str] = []
    images.build(account(aws), image or images.of(OUTPUTS, "huggingface"), heard.append, poll_s=0)
    return heard


def test_a_build_shows_its_phases_and_the_steps_of_the_dockerfile_each_once():
    aws = Aws()

    heard = build(aws)

    assert [one["environmentVariablesOverride"] for one in aws.started] == [
        [{"name": "IMAGE", "value": "huggingface", "type": "PLAINTEXT"}]
    ]
    assert [line.split(None, 1)[1] for line in heard[1:]] == [
        "SUBMITTED",
        "QUEUED",
        "PROVISIONING",
        "PRE_BUILD: logging in to the registry",
        "BUILD: docker build and push",
        "#7 [2/5] RUN pip install --require-hashes -r cuda.txt",
        "#8 [3/5] COPY dataforge_training /opt/program/dataforge_training",
        "COMPLETED",
    ]


def test_a_build_that_fails_ends_with_the_reason_the_last_of_its_log_and_where_it_is():
    with pytest.raises(DeployError) as failed:
        build(Aws(ends="FAILED"))

    said = str(failed.value)
    assert "project:new ended as FAILED" in said
    assert "BUILD: exit status 1" in said
    assert "Collecting torch==2.13.0[31m" in said  # no control character reaches the terminal
    assert said.endswith("https://console.example/log")


@pytest.mark.parametrize(
    ("running", "followed"),
    [
        ({"IMAGE": "huggingface", "SOURCE": "0a1b2c3d4e5f"}, True),
        ({"IMAGE": "unsloth", "SOURCE": "0a1b2c3d4e5f"}, False),
        ({"IMAGE": "huggingface", "SOURCE": "older"}, False),
    ],
)
def test_a_build_under_way_is_followed_only_if_it_is_the_same(running, followed):
    aws = Aws(under_way=running)

    heard = build(aws)

    assert bool(aws.started) == (not followed)
    assert ("under way" in heard[0]) == followed


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException"])
def test_a_log_that_cannot_be_read_stops_nothing_and_is_told_once(code):
    heard = build(Aws(log_refused=code))

    assert heard[-1].endswith("COMPLETED")
    assert sum("its log cannot be read" in line for line in heard) == (code == "AccessDeniedException")


def test_a_right_that_is_missing_is_named():
    aws = Aws()
    aws.start_build = lambda **_: (_ for _ in ()).throw(refusal("AccessDeniedException"))  # type: ignore[method-assign]

    with pytest.raises(DeployError, match="codebuild:StartBuild"):
        build(aws)


def test_a_stage_that_builds_no_images_says_what_to_type():
    with pytest.raises(DeployError, match="run dataforge deploy --training first"):
        images.of({"ApiUrl": "x"}, "huggingface")


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch):
    """The account that the command finds, with these outputs of the service stack."""

    def use(aws: Aws, outputs: dict[str, str] = OUTPUTS) -> None:
        monkeypatch.setattr(command, "find", lambda _: account(aws))
        monkeypatch.setattr(command, "Stacks", lambda *_: SimpleNamespace(outputs=lambda _: outputs))
        monkeypatch.setattr(images, "POLL_S", 0)
        monkeypatch.setattr(images.build, "__kwdefaults__", {"poll_s": 0})

    return use


@pytest.mark.parametrize(
    ("words", "built", "starts"),
    [
        ([], (), ["huggingface"]),
        (["--name", "unsloth"], ("huggingface-0a1b2c3d4e5f",), ["unsloth"]),
        ([], ("huggingface-0a1b2c3d4e5f",), []),
        (["--again"], ("huggingface-0a1b2c3d4e5f",), ["huggingface"]),
    ],
)
def test_the_command_builds_what_is_not_there_and_returns_the_address(at, monkeypatch, capsys, words, built, starts):
    aws = Aws(built=built)
    at(aws)
    monkeypatch.setattr("sys.argv", ["deploy", "images", *words])

    assert command.main() == 0

    result = json.loads(capsys.readouterr().out)
    name = words[1] if "--name" in words else "huggingface"
    assert result["image"] == f"{OUTPUTS['ImageRepository']}:{name}"
    assert [one["environmentVariablesOverride"][0]["value"] for one in aws.started] == starts


def test_an_interrupted_command_leaves_the_build_alone_and_says_how_to_follow_it(at, monkeypatch, capsys):
    aws = Aws()
    at(aws)
    aws.get_log_events = lambda **_: (_ for _ in ()).throw(KeyboardInterrupt())  # type: ignore[method-assign]
    monkeypatch.setattr("sys.argv", ["deploy", "images", "--name", "unsloth"])

    assert command.main() == 1

    assert "dataforge images build --stage dev --unsloth" in capsys.readouterr().err
    assert len(aws.started) == 1


@pytest.mark.parametrize(
    ("outputs", "aws", "expected"),
    [
        ({"ApiUrl": "x"}, Aws(), {}),
        (OUTPUTS, Aws(), {"training_image": OUTPUTS["TrainingImage"]}),
        (OUTPUTS, Aws(built=("huggingface-0a1b2c3d4e5f",)), {"training_image": OUTPUTS["TrainingImage"]}),
        ({**OUTPUTS, "TrainingImage": "1.dkr.ecr.x.amazonaws.com/mine:1"}, Aws(), {}),
        (OUTPUTS, Aws(ends="TIMED_OUT"), {"training_image": None}),
    ],
)
def test_a_deployment_builds_the_image_that_jobs_run_once_and_stands_when_that_fails(
    outputs, aws, expected, monkeypatch, capsys
):
    monkeypatch.setattr(images.build, "__kwdefaults__", {"poll_s": 0})

    assert command._first_image(account(aws), outputs) == expected

    needed = outputs == OUTPUTS and not aws.built
    assert len(aws.started) == needed
    failed = expected == {"training_image": None}
    assert ("Everything but the training image is deployed" in capsys.readouterr().err) == failed


def test_the_options_of_training_are_kept_like_all_others():
    outputs = {"DeployOptions": json.dumps({"training": "yes"})}
    arguments = argparse.Namespace(context=["waf=no"], assembly=None)
    deployer = SimpleNamespace(outputs_if_there=lambda _: outputs)

    assert command._options(arguments, deployer, command.preset("dev")) == {"training": "yes", "waf": "no"}

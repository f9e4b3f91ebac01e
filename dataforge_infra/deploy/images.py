"""Builds a training image in the account: starts the CodeBuild project of the stage and follows the build.

Docker runs there, not on the machine of whoever deploys.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from dataforge_infra.deploy.account import Account, DeployError

POLL_S = 5.0
LONGEST_S = 3 * 3600.0
"""A build may take two hours, and as long as it is queued beside that."""
QUIET_S = 60.0
"""After so long without anything new, the time is shown."""
LAST_LINES = 15
"""Of the log, shown of a build that failed."""
_STEP = re.compile(r"#\d+ \[[^\]]*\d+/\d+\] .+|Step \d+/\d+ : .+")
"""Lines of `docker build` that begin a step."""
_CLOUD_WORDS = {"PRE_BUILD": "logging in to the registry", "BUILD": "docker build and push"}


@dataclass(frozen=True, slots=True)
class Image:
    """One that the stage can build."""

    name: str
    """huggingface or unsloth."""
    project: str
    repository: str
    source: str
    """What the deployed sources are called; a build from them has the tag `<name>-<source>`."""

    @property
    def uri(self) -> str:
        return f"{self.repository}:{self.name}"


def of(outputs: Mapping[str, str], name: str) -> Image:
    """outputs: of the service stack. Raises DeployError for a stage that builds no images."""
    if "ImageProject" not in outputs:
        raise DeployError("This stage builds no training images: run dataforge deploy --training first")
    return Image(name, outputs["ImageProject"], outputs["ImageRepository"], outputs["ImageSource"])


def is_built(account: Account, image: Image) -> bool:
    """Whether the repository has an image of the deployed sources."""
    ecr = account.client("ecr")
    try:
        found = ecr.describe_images(
            repositoryName=image.repository.partition("/")[2], imageIds=[{"imageTag": f"{image.name}-{image.source}"}]
        )
    except ecr.exceptions.ImageNotFoundException:
        return False
    except ClientError as problem:
        raise DeployError(f"The images cannot be looked up ({problem}): your user needs ecr:DescribeImages") from None
    return bool(found["imageDetails"])


def build(account: Account, image: Image, say: Callable[[str], None], *, poll_s: float = POLL_S) -> float:
    """Follow a build of the image to its end; seconds that it took. One that is under way is not started again.

    Raises DeployError with the end of its log if it fails.
    """
    codebuild = account.client("codebuild")
    try:
        found = _under_way(codebuild, image)
        if found is None:
            say(f"Building {image.uri} in CodeBuild (project {image.project}); this takes some 20 minutes")
            found = codebuild.start_build(
                projectName=image.project,
                environmentVariablesOverride=[{"name": "IMAGE", "value": image.name, "type": "PLAINTEXT"}],
            )["build"]
        else:
            say(f"Following the build of {image.uri} that is under way")
        return _follow(_Following(account, str(found["id"]), say), poll_s)
    except ClientError as problem:
        raise DeployError(
            f"The build cannot be started or followed ({problem}): your user needs codebuild:StartBuild, "
            f"BatchGetBuilds and ListBuildsForProject on {image.project}"
        ) from None


def _under_way(codebuild: Any, image: Image) -> dict[str, Any] | None:
    """A build of the same image from the same sources."""
    ids = codebuild.list_builds_for_project(projectName=image.project, sortOrder="DESCENDING").get("ids", [])[:10]
    wanted = {"IMAGE": image.name, "SOURCE": image.source}
    for one in codebuild.batch_get_builds(ids=ids)["builds"] if ids else []:
        given = {v["name"]: v["value"] for v in one.get("environment", {}).get("environmentVariables", [])}
        if one["buildStatus"] == "IN_PROGRESS" and wanted.items() <= given.items():
            return dict(one)
    return None


@dataclass(slots=True)
class _Following:
    account: Account
    build_id: str
    say: Callable[[str], None]
    phase: str = ""
    token: str | None = None
    """Where the log was read up to."""
    last: list[str] = field(default_factory=list)
    unread: bool = False
    """Whether it was said that the log cannot be read."""
    began: float = field(default_factory=time.monotonic)
    told: float = field(default_factory=time.monotonic)

    def tell(self, line: str) -> None:
        self.told = time.monotonic()
        passed = int(self.told - self.began)
        self.say(f"{passed // 60:3}:{passed % 60:02} {line}")


def _follow(following: _Following, poll_s: float) -> float:
    codebuild = following.account.client("codebuild")
    while True:
        [found] = codebuild.batch_get_builds(ids=[following.build_id])["builds"]
        _show(following, found)
        if found["buildStatus"] != "IN_PROGRESS":
            break
        if time.monotonic() - following.began > LONGEST_S:
            raise DeployError(f"After {LONGEST_S / 3600:.0f} hours the build {following.build_id} has not ended")
        time.sleep(poll_s)
    if found["buildStatus"] != "SUCCEEDED":
        raise DeployError(_why(following, found))
    return time.monotonic() - following.began


def _show(following: _Following, found: Mapping[str, Any]) -> None:
    """What is new: phases, steps of the Dockerfile, or that it still runs."""
    phase = str(found.get("currentPhase", ""))
    if phase and phase != following.phase:
        following.phase = phase
        words = _CLOUD_WORDS.get(phase)
        following.tell(f"{phase}: {words}" if words else phase)
    for line in _new_lines(following, found.get("logs", {})):
        following.last = [*following.last, line][-LAST_LINES:]
        if _STEP.fullmatch(line):
            following.tell(line)
    if time.monotonic() - following.told > QUIET_S:
        following.tell(f"{phase} goes on")


def _new_lines(following: _Following, logs: Mapping[str, Any]) -> Iterator[str]:
    """Of its log; nothing while it has none, or where it cannot be read."""
    if not (logs.get("groupName") and logs.get("streamName")):
        return
    client = following.account.client("logs")
    while True:
        since = {"nextToken": following.token} if following.token else {}
        try:
            page = client.get_log_events(
                logGroupName=logs["groupName"], logStreamName=logs["streamName"], startFromHead=True, **since
            )
        except client.exceptions.ResourceNotFoundException:
            return
        except ClientError as problem:
            if not following.unread:
                following.tell(f"its log cannot be read ({problem}); the build goes on")
            following.unread = True
            return
        yield from (re.sub(r"[^\x20-\x7e]", "", event["message"])[:200] for event in page["events"])
        if following.token == page["nextForwardToken"]:
            return
        following.token = page["nextForwardToken"]


def _why(following: _Following, found: Mapping[str, Any]) -> str:
    reasons = [
        f"{phase['phaseType']}: {context['message']}"
        for phase in found.get("phases", [])
        if phase.get("phaseStatus") not in (None, "SUCCEEDED")
        for context in phase.get("contexts", [])
        if context.get("message")
    ]
    log = "\n  ".join([*reasons, *following.last])
    link = str(found.get("logs", {}).get("deepLink", ""))
    return f"The build {following.build_id} ended as {found['buildStatus']}:\n  {log}\n{link}".rstrip()

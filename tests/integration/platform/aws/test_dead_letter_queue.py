"""What docs/deploy.md promises of uploads whose event could not be handled, on the AWS backend.

`tests/infra/test_template.py` shows where such events go and `test_monitoring.py` which alarm follows; here: that the
function fails loudly, so that they go there, that nothing is lost meanwhile, and that the documented repeat mends it.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import boto3
import pytest

from dataforge.errors import Busy
from dataforge_infra.catalog import EVENT_RETRIES
from tests.support.aws_faults import fails, throttled
from tests.support.paths import DOCS
from tests.support.projects import RULES
from tests.support.service import Service, handler

PAGE = (DOCS / "deploy.md").read_text("utf-8")


def uploaded(service: Service, project_id: str) -> str:
    """A file that lies there, its event still on the way; its key."""
    answer = {"filename": "rules.md", "content_type": "text/markdown", "file_size": len(RULES)}
    place = service.call("POST", f"/projects/{project_id}/upload-url", json=answer)
    assert service.put(place["upload_url"], RULES, "text/markdown") == 200
    return str(place["s3_key"])


def registered(service: Service, project_id: str, key: str) -> dict[str, Any]:
    answer = {"filename": "rules.md", "content_type": "text/markdown", "file_size": len(RULES), "s3_key": key}
    return dict(service.call("POST", f"/projects/{project_id}/documents", json=answer, expect=201))


def event(key: str) -> dict[str, Any]:
    """As EventBridge hands it over."""
    return {"source": "aws.s3", "detail-type": "Object Created", "detail": {"object": {"key": key, "size": len(RULES)}}}


def documented_payload(key: str) -> dict[str, Any]:
    """What the page says to invoke the function with."""
    [command] = re.findall(r"aws lambda invoke --function-name dataforge-prod-on_upload.*\\\n.*", PAGE)
    words = shlex.split(command.replace("\\\n", " "))
    payload = json.loads(words[words.index("--payload") + 1])
    payload["detail"]["object"]["key"] = key
    return dict(payload)


def lost(key: str) -> dict[str, Any]:
    """Fail as often as Lambda tries; the message that its destination then holds, through a queue."""
    for _ in range(1 + EVENT_RETRIES):
        with pytest.raises(Busy) as problem:
            handler("on_upload")(event(key), None)
    queue = boto3.client("sqs")
    url = queue.create_queue(QueueName="dataforge-dev-lost-uploads")["QueueUrl"]
    failure = {"errorType": type(problem.value).__name__, "errorMessage": str(problem.value)}
    queue.send_message(QueueUrl=url, MessageBody=json.dumps({"requestPayload": event(key), "responsePayload": failure}))
    [message] = queue.receive_message(QueueUrl=url)["Messages"]
    return dict(json.loads(message["Body"]))


def test_an_event_that_was_lost_is_mended_by_the_documented_repeat(service: Service, pauses: list[float]) -> None:
    project_id = service.project()
    key = uploaded(service, project_id)
    fails("tables", throttled(4 * (1 + EVENT_RETRIES)))  # each run of the function tries four times

    message = lost(key)
    before = registered(service, project_id, key)
    found = message["requestPayload"]["detail"]["object"]["key"]
    repeated = [handler("on_upload")(documented_payload(found), None)["outcome"] for _ in range(2)]

    [after] = service.call("GET", f"/projects/{project_id}/documents")
    assert repeated == ["verified", "verified"]
    assert (before["checksum"], after["parsingStatus"]) == (None, "pending")
    assert after["checksum"]
    assert pauses, "the event was never lost"


def test_a_file_whose_event_was_lost_is_looked_at_when_it_is_parsed(service: Service, pauses: list[float]) -> None:
    project_id = service.project()
    key = uploaded(service, project_id)
    fails("tables", throttled(4 * (1 + EVENT_RETRIES)))
    lost(key)
    registered(service, project_id, key)

    run = service.parse(project_id)

    [document] = service.call("GET", f"/projects/{project_id}/documents")
    assert (run["status"], document["parsingStatus"]) == ("completed", "parsed")
    assert pauses, "the event was never lost"

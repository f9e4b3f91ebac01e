"""An AWS account on loopback for measurements: moto lives in this process and answers others over HTTP.

The state machines are not run here; who measures calls the functions one by one, with the events that Step Functions
would give them.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import requests
from moto import mock_aws

BUCKET, PREFIX = "forge-bench", "bench-"
ROLE = "arn:aws:iam::123456789012:role/x"


class Door(BaseHTTPRequestHandler):
    """Takes a signed request of another process to moto, which lives in this one."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        # Whoever signs a request says in it for which service.
        signed = f"{self.headers.get('Authorization')}{self.path}".replace("%2F", "/")
        service = re.findall(r"/\d{8}/[^/]+/([^/]+)/aws4_request", signed)[0]
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "expect", "content-length")}
        url = f"https://{service}.us-east-1.amazonaws.com{self.path}"
        found = requests.request(self.command, url, headers=headers, data=body, timeout=30, stream=True)
        content = (
            b"" if self.command == "HEAD" else found.content
        )  # its Content-Length is that of a body that does not come
        self.send_response(found.status_code)
        for name, value in found.headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        length = found.headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(content))
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer

    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Account:
    environment: dict[str, str]
    """What a function in a process of its own finds around it."""

    def aws(self, service: str) -> Any:
        return boto3.client(service)

    def started(self, machine: str) -> dict[str, Any]:
        """The input of the execution that was started last."""
        states = self.aws("stepfunctions")
        arn = self.environment[f"STATE_MACHINE_{machine.upper()}"]
        newest = max(states.list_executions(stateMachineArn=arn)["executions"], key=lambda e: e["startDate"])
        return dict(json.loads(states.describe_execution(executionArn=newest["executionArn"])["input"]))

    def stop(self, machine: str, name: str) -> dict[str, Any]:
        """An execution, by hand; its input."""
        states = self.aws("stepfunctions")
        arn = self.environment[f"STATE_MACHINE_{machine.upper()}"].replace(":stateMachine:", ":execution:")
        states.stop_execution(executionArn=f"{arn}:{name}")
        return dict(json.loads(states.describe_execution(executionArn=f"{arn}:{name}")["input"]))

    def json_at(self, key: str) -> Any:
        return json.loads(self.aws("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def snapshot(self) -> Snapshot:
        tables = self.aws("dynamodb")
        names = tables.list_tables()["TableNames"]
        files = self.aws("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return Snapshot(self, {name: tables.scan(TableName=name)["Items"] for name in names}, {f["Key"] for f in files})


@dataclass
class Snapshot:
    """Everything in the tables, and which files were there."""

    account: Account
    items: dict[str, list[dict[str, Any]]]
    files: set[str]

    def restore(self) -> None:
        tables, files = self.account.aws("dynamodb"), self.account.aws("s3")
        for name, before in self.items.items():
            keys = [k["AttributeName"] for k in tables.describe_table(TableName=name)["Table"]["KeySchema"]]
            for item in tables.scan(TableName=name)["Items"]:
                if item not in before:
                    tables.delete_item(TableName=name, Key={k: item[k] for k in keys})
            for item in before:
                tables.put_item(TableName=name, Item=item)
        for found in files.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            if found["Key"] not in self.files:
                files.delete_object(Bucket=BUCKET, Key=found["Key"])


@contextmanager
def account() -> Iterator[Account]:
    """Empty but for tables, a bucket and state machines that accept every start; this process is plugged into it."""
    from dataforge import platform, settings
    from dataforge_infra import catalog
    from tests.support.storage_backends import create_dynamo_tables

    known = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "DATAFORGE_BUCKET": BUCKET,
        "DATAFORGE_TABLE_PREFIX": PREFIX,
        "DATAFORGE_STAGE": "bench",
        "DATAFORGE_LOG_LEVEL": "ERROR",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    idle = json.dumps({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 1, "End": True}}})
    before = dict(os.environ)
    os.environ.update(known)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with mock_aws():
        opened = Account(known)
        opened.aws("s3").create_bucket(Bucket=BUCKET)
        create_dynamo_tables(opened.aws("dynamodb"), PREFIX)
        for machine in catalog.WORKFLOWS:
            made = opened.aws("stepfunctions").create_state_machine(name=machine, definition=idle, roleArn=ROLE)
            known[f"STATE_MACHINE_{machine.upper()}"] = made["stateMachineArn"]
        os.environ.update(known)
        known["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{server.server_port}"
        settings.get.cache_clear()
        platform.use(None)
        try:
            yield opened
        finally:
            platform.use(None)
            os.environ.clear()
            os.environ.update(before)
            settings.get.cache_clear()
            server.shutdown()


def gateway_event(method: str, path: str, headers: dict[str, str], body: object = None) -> dict[str, Any]:
    """What API Gateway's REST proxy hands over."""
    sent = {**headers, "Content-Type": "application/json"} if body is not None else headers
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {k: [v] for k, v in sent.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"proxy": path[1:]},
        "isBase64Encoded": False,
        "body": None if body is None else json.dumps(body),
        "requestContext": {
            "requestId": "bench",
            "stage": "bench",
            "path": f"/bench{path}",
            "httpMethod": method,
            "identity": {"sourceIp": "127.0.0.1"},
            "resourcePath": "/{proxy+}",
        },
    }


def put(url: str, data: bytes, content_type: str) -> None:
    requests.put(url, data=data, headers={"Content-Type": content_type}, timeout=10).raise_for_status()

"""The whole product on one machine, one process tree: the API, signed file URLs, the state machines, their workers."""

from __future__ import annotations

import itertools
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import contextmanager_in_threadpool
from fastapi.responses import PlainTextResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool

from dataforge import platform, settings
from dataforge.errors import NotFound
from dataforge.platform.embedded.disk import DiskFiles
from dataforge.platform.embedded.runner import Runner
from dataforge.platform.objects import disposition
from dataforge.platform.ports import FileInfo, Platform
from dataforge.store import api_keys, organisations, projects, runs, schema
from dataforge.workflows import lifecycle
from dataforge.workflows.documents import verification
from dataforge.workflows.synthetic import jobs
from infra.local.platform import Workers, build, invoker, pool, write_once

logger = logging.getLogger(__name__)

FIRST_SWEEP_SECONDS = 60.0
"""After the start: nobody should wait for it."""
UPLOAD_RETRIES = (0.2, 2.0)
"""Pauses before looking at an upload again, in seconds."""


def add_file_routes(app: FastAPI, files: DiskFiles) -> None:
    """What S3 does behind a presigned URL: PUT and GET of one object, checked by its signature."""

    @app.put("/files/{key:path}", include_in_schema=False)
    async def put_file(key: str, request: Request) -> PlainTextResponse:
        told = request.headers.get("content-length", "")
        length = int(told) if told.isdigit() else None
        content_type = request.headers.get("content-type")
        query = dict(request.query_params)
        files.verify("PUT", key, query, content_type=content_type, content_length=length)
        async with contextmanager_in_threadpool(files.receiving(key, content_type, length)) as upload:
            async for part in request.stream():
                await run_in_threadpool(upload.write, part)
        assert upload.info is not None  # noqa: S101  set by every block that ends
        return PlainTextResponse("", headers={"ETag": upload.info.etag})

    @app.get("/files/{key:path}", include_in_schema=False)
    def get_file(key: str, request: Request) -> StreamingResponse:
        query = dict(request.query_params)
        files.verify("GET", key, query)
        try:
            info, body = files.info_and_stream(key)
        except FileNotFoundError:
            raise NotFound("No such file") from None
        headers = {"Content-Length": str(info.size), "ETag": info.etag}
        if name := query.get("filename"):
            headers["Content-Disposition"] = disposition(name)
        return StreamingResponse(body, media_type=info.content_type, headers=headers)


def first_credentials(home: Path, url: str) -> Path:
    """The local organisation's key, made at the first start, kept in a 0600 file that the command reads."""
    path = home / "credentials.json"
    if not path.exists():
        org_id, user_id = organisations.create("local")
        key = api_keys.create_first(org_id, user_id, name="first key")
        write_once(path, json.dumps({"organization_id": org_id, "user_id": user_id, "api_key": key, "url": url}))
    return path


def resume_started_runs(org_ids: set[str]) -> None:
    """A run that was written but whose machine never started (killed in between) starts now; the rest is harmless."""
    for project in itertools.chain.from_iterable(projects.of_organisation(org_id) for org_id in org_ids):
        if project.active_run is not None:
            try:
                run = runs.get(project.org_id, project.active_run)
            except NotFound:
                continue
            if run.status in runs.ACTIVE:
                lifecycle.start_machine(run)


def look_at_upload(info: FileInfo) -> None:
    """What `functions/on_upload.py` does in an account; a moment's trouble is tried again."""
    for pause in UPLOAD_RETRIES:
        try:
            verification.arrived(info.key)
            return
        except Exception:
            logger.warning("looking at %s failed; once more in %s s", info.key, pause, exc_info=True)
            time.sleep(pause)
    verification.arrived(info.key)


def sweep_daily(closing: threading.Event) -> None:
    """What the bucket's lifecycle does in an account: files of synthetic jobs go when their days are over."""
    while not closing.wait(FIRST_SWEEP_SECONDS):
        for org in organisations.list_all():
            try:
                jobs.sweep(org.org_id)
            except Exception:
                logger.warning("the expired files of %s stay until tomorrow", org.org_id, exc_info=True)
        if closing.wait(jobs.DAY):
            return


@contextmanager
def machine(home: Path, url: str, *, hire: Callable[[Path, int], Workers] = pool) -> Iterator[tuple[Platform, Path]]:
    """Everything but HTTP, running: the platform and the file with the first key. Raises RuntimeError when another
    server holds the folder, SchemaMismatch when a newer version wrote it. hire: workers for a folder, so many."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    workers = hire(home, settings.get().workers)
    teller, closing = ThreadPoolExecutor(1, "uploads"), threading.Event()
    plugged = build(home, base_url=lambda: url, invoke=invoker(workers), soon=teller.submit)
    assert isinstance(plugged.workflows, Runner)  # noqa: S101  build made it
    try:
        platform.use(plugged)
        schema.bring_up()
        credentials = first_credentials(home, url)
        own = str(json.loads(credentials.read_text("utf-8"))["organization_id"])
        resume_started_runs({own, *(org.org_id for org in organisations.list_all())})
        plugged.workflows.start_up()
        plugged.files.on_created(look_at_upload)
        threading.Thread(target=sweep_daily, args=(closing,), name="sweep", daemon=True).start()
        yield plugged, credentials
    finally:
        closing.set()
        teller.shutdown(cancel_futures=True)  # the next start hears of what is left
        plugged.workflows.close()
        workers.close()
        platform.use(None)


def serve(home: Path, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; one JSON line on stdout says when and where it is ready."""
    listener = socket.create_server((host, port), backlog=512)
    url = f"http://{host}:{listener.getsockname()[1]}"
    with machine(home, url) as (plugged, credentials):
        from functions.api.main import create_app

        app = create_app()
        assert isinstance(plugged.files, DiskFiles)  # noqa: S101  build made it
        add_file_routes(app, plugged.files)
        ready = {
            "event": "ready",
            "url": url,
            "home": str(home),
            "pid": os.getpid(),
            "credentials": str(credentials),
            "organization_id": json.loads(credentials.read_text("utf-8"))["organization_id"],
        }
        marker = home / "server.json"
        marker.write_text(json.dumps(ready))
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=3,
                lifespan="off",
            )
        )
        threading.Thread(target=_announce, args=(server, ready), daemon=True).start()
        try:
            server.run(sockets=[listener])
        finally:
            marker.unlink(missing_ok=True)


def _announce(server: uvicorn.Server, ready: dict[str, object]) -> None:
    pause = threading.Event()
    while not server.started:
        pause.wait(0.02)
    print(json.dumps(ready), flush=True)

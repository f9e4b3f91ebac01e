"""The whole product on one machine, one process tree: the API, signed file URLs, the state machines, their workers."""

from __future__ import annotations

import itertools
import json
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import contextmanager_in_threadpool
from fastapi.responses import PlainTextResponse
from starlette.concurrency import run_in_threadpool

from dataforge import platform, settings
from dataforge.access import Caller
from dataforge.errors import NotFound
from dataforge.platform.embedded.local_files import LocalFiles
from dataforge.platform.embedded.local_inference import LocalInference
from dataforge.platform.embedded.training_processes import TrainingProcesses
from dataforge.platform.embedded.workflow_runner import Runner
from dataforge.platform.file_keys import disposition
from dataforge.platform.ports import FileInfo, Platform
from dataforge.store import api_keys, members, organisations, projects, runs, schema, training_state
from dataforge.workflows import lifecycle
from dataforge.workflows.documents import verification
from dataforge.workflows.synthetic import jobs
from dataforge.workflows.training import following
from dataforge_functions.api import downloads
from dataforge_functions.api.callers import LOOPBACK, TRAINING, Anonymous
from dataforge_functions.api.each_request import FILE
from dataforge_infra.local import watching
from dataforge_infra.local.home import CREDENTIALS, check, held, make_private, organisation_of
from dataforge_infra.local.http_server import make_server
from dataforge_infra.local.identity import add_identity_route
from dataforge_infra.local.platform import Workers, build, invoker, pool, secret_of, write_once

logger = logging.getLogger(__name__)

FIRST_CLEANUP_SECONDS = 60.0
"""After the start, which it must not delay."""
UPLOAD_RETRIES = (0.2, 2.0)
"""Pauses before an upload is verified again, in seconds."""


def add_file_routes(app: FastAPI, files: LocalFiles) -> None:
    """PUT and GET of one object by signed URL, as S3 does for presigned URLs.

    The size of an upload is limited by `LocalFiles`, its time by that of the URL.
    """
    app.state.body_limits = {**getattr(app.state, "body_limits", {}), "/files/": FILE}

    @app.put("/files/{key:path}", include_in_schema=False)
    async def put_file(key: str, request: Request) -> PlainTextResponse:
        header = request.headers.get("content-length", "")
        length = int(header) if header.isdigit() else None
        content_type = request.headers.get("content-type")
        query = dict(request.query_params)
        files.verify("PUT", key, query, content_type=content_type, content_length=length)
        async with contextmanager_in_threadpool(files.receiving(key, content_type, length)) as upload:
            async for part in request.stream():
                await run_in_threadpool(upload.write, part)
        assert upload.info is not None  # noqa: S101  set by every block that ends
        return PlainTextResponse("", headers={"ETag": upload.info.etag})

    @app.get("/files/{key:path}", include_in_schema=False)
    def get_file(key: str, request: Request) -> Response:
        query = dict(request.query_params)
        files.verify("GET", key, query)
        try:
            info, body = files.info_and_stream(key)
        except FileNotFoundError:
            raise NotFound("No such file") from None
        headers = {"Content-Disposition": disposition(name)} if (name := query.get("filename")) else {}
        return downloads.respond(request, files, info, lambda: body, media_type=info.content_type, headers=headers)


def ensure_credentials(home: Path, url: str) -> Path:
    """The local organisation and its key, created at the first start; the file (0600) is read by the command.

    When only the file is lost, the organisation that was made then gets a new key.
    """
    path = home / CREDENTIALS
    if not path.exists():
        org_id, user_id = _local_owner() or organisations.create("local")
        key = api_keys.create_first(org_id, user_id, name="first key")
        write_once(path, json.dumps({"organization_id": org_id, "user_id": user_id, "api_key": key, "url": url}))
    return path


def _local_owner() -> tuple[str, str] | None:
    """(org_id, user_id) of an owner of the organisation that an earlier start made."""
    for org in organisations.list_all():
        owners = [m for m in members.of_organisation(org.org_id) if m.role == "owner"]
        if org.name == "local" and owners:
            logger.warning("the credentials of organization %s are gone: it gets a new key", org.org_id)
            return org.org_id, owners[0].user_id
    return None


def anonymous_caller(credentials: Path, host: str) -> Anonymous | None:
    """Who calls the training API without a key: the owner of the local organisation, if MODELFORGE_ANONYMOUS says so,
    or says nothing and this server hears only its own machine. None: nobody."""
    chosen = settings.get().modelforge_anonymous
    if chosen not in ("", "0", "1"):
        raise RuntimeError(f"MODELFORGE_ANONYMOUS must be 1 or 0, not {chosen!r}")
    if chosen == "0" or (not chosen and host not in LOOPBACK):
        return None
    known = json.loads(credentials.read_text("utf-8"))
    scopes = (f"{TRAINING}:read", f"{TRAINING}:write")
    caller = Caller(str(known["organization_id"]), str(known["user_id"]), "", scopes)
    return Anonymous(caller, any_host=chosen == "1")


def resume_started_runs(org_ids: set[str]) -> None:
    """Starts the state machines of active runs, in case a crash prevented it; idempotent for those already started."""
    of_projects = ((org_id, project.active_run) for org_id in org_ids for project in projects.of_organisation(org_id))
    trainings = ((org_id, training_state.of(org_id).active_run) for org_id in org_ids)
    for org_id, active in itertools.chain(of_projects, trainings):
        if active is not None:
            try:
                run = runs.get(org_id, active)
            except NotFound:
                continue
            if run.status in runs.ACTIVE:
                lifecycle.start_machine(run)


def verify_upload(info: FileInfo) -> None:
    """Does what `dataforge_functions/on_upload.py` does on AWS; failures are retried here and after the next starts."""
    for pause in UPLOAD_RETRIES:
        try:
            verification.arrived(info.key)
            return
        except Exception:
            logger.warning("verifying %s failed; next try in %s s", info.key, pause, exc_info=True)
            time.sleep(pause)
    verification.arrived(info.key)


def delete_expired_results_daily(closing: threading.Event) -> None:
    """Does what the bucket's lifecycle rule does on AWS: deletes expired files of synthetic jobs."""
    while not closing.wait(FIRST_CLEANUP_SECONDS):
        for org in organisations.list_all():
            try:
                jobs.sweep(org.org_id)
            except Exception:
                logger.warning("expired files of %s could not be deleted; next try tomorrow", org.org_id, exc_info=True)
        if closing.wait(jobs.DAY):
            return


@contextmanager
def machine(
    home: Path, url: str, *, make_workers: Callable[[Path, int], Workers] = pool
) -> Iterator[tuple[Platform, Path]]:
    """Runs everything but HTTP; yields the backend and the file with the first key.

    make_workers: (folder, how many) -> workers. Raises RuntimeError when another server holds the folder, when other
    users can read it or when it is damaged, SchemaMismatch when a newer version wrote it.
    """
    make_private(home)
    with held(home):
        check(home)
        with _running(home, url, make_workers) as running:
            yield running


@contextmanager
def _running(home: Path, url: str, make_workers: Callable[[Path, int], Workers]) -> Iterator[tuple[Platform, Path]]:
    """`machine` on a folder that is ours alone."""
    workers = make_workers(home, settings.get().workers)
    callbacks, closing = ThreadPoolExecutor(1, "uploads"), threading.Event()
    backend = build(home, base_url=lambda: url, invoke=invoker(workers), soon=callbacks.submit)
    assert isinstance(backend.workflows, Runner)  # noqa: S101  build made it
    assert isinstance(backend.trainer, TrainingProcesses)  # noqa: S101
    assert isinstance(backend.inference, LocalInference)  # noqa: S101
    try:
        platform.use(backend)
        backend.inference.open()
        schema.bring_up()
        credentials = ensure_credentials(home, url)
        resume_started_runs({organisation_of(home), *(org.org_id for org in organisations.list_all())})
        away, unfinished = backend.workflows.left_behind()
        lifecycle.was_away(unfinished, away)
        backend.workflows.on_broken(lifecycle.machine_broke)
        backend.workflows.start_up()
        backend.files.on_created(verify_upload)
        backend.trainer.on_changed(following.changed)
        threading.Thread(
            target=delete_expired_results_daily, args=(closing,), name="expired-results", daemon=True
        ).start()
        yield backend, credentials
    finally:
        closing.set()
        callbacks.shutdown(cancel_futures=True)  # the next start runs the callbacks that are left
        backend.workflows.close()
        workers.close()
        backend.trainer.close()  # after the workers, who would start the next attempt
        backend.inference.close()
        platform.use(None)


def serve(home: Path, host: str, port: int, *, stop_when: str = "asked") -> None:
    """Serve until SIGTERM or SIGINT, or until `watching` ends it; one JSON line on stdout says when and where it is
    ready. stop_when: `unused` ends it also when no command uses it and no run goes on."""
    listener = socket.create_server((host, port), backlog=512)
    url = f"http://{host}:{listener.getsockname()[1]}"
    with machine(home, url) as (backend, credentials):
        from dataforge_functions.api.main import create_app

        app = create_app()
        assert isinstance(backend.files, LocalFiles)  # noqa: S101  build made it
        assert isinstance(backend.workflows, Runner)  # noqa: S101  build made it
        add_file_routes(app, backend.files)
        add_identity_route(app, secret_of(home), url)
        app.state.anonymous = anonymous_caller(credentials, host)
        ready = {
            "event": "ready",
            "url": url,
            "home": str(home),
            "pid": os.getpid(),
            "credentials": str(credentials),
            "organization_id": organisation_of(home),
            "stop_when": stop_when,
            "unfinished": lifecycle.runs_of(backend.workflows.left_behind()[1]),
        }
        marker = home / "server.json"
        marker.write_text(json.dumps(ready))
        server, files = make_server(app), backend.files
        threading.Thread(target=_announce, args=(server, ready, files), daemon=True).start()
        try:
            with watched(home, backend, stop_when):
                server.run(sockets=[listener])
        finally:
            marker.unlink(missing_ok=True)


@contextmanager
def watched(home: Path, backend: Platform, stop_when: str) -> Iterator[None]:
    """During the block this process is told to end (SIGTERM) when `watching` says so."""
    closing, runner = threading.Event(), backend.workflows
    assert isinstance(runner, Runner)  # noqa: S101  build made it
    is_busy, unused = runner.is_busy, stop_when == "unused"

    def watch() -> None:
        with watching.watch(home, unused=unused, is_busy=is_busy, stop=_end_process, closing=closing):
            threading.Event().wait()  # the locks are held as long as the process lives

    threading.Thread(target=watch, name="watching", daemon=True).start()
    try:
        yield
    finally:
        closing.set()


def _end_process() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _announce(server: uvicorn.Server, ready: dict[str, object], files: LocalFiles) -> None:
    """Say that requests are answered; only then look at the uploads that may have ended the process before."""
    pause = threading.Event()
    while not server.started:
        pause.wait(0.02)
    print(json.dumps(ready), flush=True)
    if not server.should_exit:
        files.redeliver(verification.give_up)

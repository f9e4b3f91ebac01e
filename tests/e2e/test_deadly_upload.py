"""An upload that kills the server which looks at it: later starts serve requests first, and in the end give it up."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from dataforge_client import DataForge
from dataforge_client.errors import ConnectionFailed
from dataforge_client.models import Document
from tests.support.server_processes import Machine, Process
from tests.support.waiting import until

TRIES = 3


def document(data_forge: DataForge, project: str, document_id: str) -> Document:
    return next(d for d in data_forge.list_documents(project) if d.document_id == document_id)


def test_an_upload_that_kills_the_server_three_times_is_failed_and_the_server_goes_on(
    machine: Machine, connect: Callable[[Process], DataForge], tmp_path: Path
) -> None:
    home = str(tmp_path / "home")

    def start() -> Process:
        return machine.start("tests.support.dying_server", "--home", home, "--port", "0")

    server = start()
    data_forge = connect(server)
    project = data_forge.create_project("harbour").project_id
    with suppress(ConnectionFailed):  # the server may die before the answer of the registration has left it
        data_forge.upload_file(project, b"# Rules\n\nThe gangway opens at six.", name="deadly.md")
    endings = [server.child.wait(60)]
    while len(endings) < TRIES:
        server = start()  # which fails unless the server says that it is ready before it dies
        assert server.ready["event"] == "ready"
        endings.append(server.child.wait(60))

    fourth = start()
    data_forge = connect(fourth)
    [deadly] = [found.document_id for found in data_forge.list_documents(project)]
    failed = until(
        lambda: (d := document(data_forge, project, deadly)).parsing_status == "failed" and d,
        "the upload is not given up",
    )

    assert endings == [-signal.SIGKILL] * TRIES
    assert failed.error is not None
    assert failed.error.reason == "not_checked"
    assert "Delete the document and upload the file again" in failed.error.message
    fine = data_forge.upload_file(project, b"# More\n\nIt closes at nine.", name="fine.md").document_id
    until(lambda: document(data_forge, project, fine).verified, "later uploads are not verified")
    fourth.stop()
    fifth = connect(start())
    assert document(fifth, project, deadly).parsing_status == "failed"
    assert fifth.wait(fifth.parse(project).generation_id).results["documents_processed"] == 2

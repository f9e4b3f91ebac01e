"""The server of one machine, which kills itself while it verifies an upload whose name begins with `deadly`.

It waits until the upload is registered, so that a test's client has had its answers.
"""

from __future__ import annotations

import os
import signal
import sys

from dataforge.platform.ports import FileInfo
from dataforge.workflows.documents import verification
from dataforge_infra.local import __main__ as local
from dataforge_infra.local import server
from tests.support.waiting import until

verify_upload = server.verify_upload


def verify_or_die(info: FileInfo) -> None:
    if "/deadly" in info.key:
        until(lambda: (upload := verification._upload_of(info.key)) and upload.document_id)
        os.kill(os.getpid(), signal.SIGKILL)
    verify_upload(info)


if __name__ == "__main__":
    server.verify_upload = verify_or_die
    sys.exit(local.main())

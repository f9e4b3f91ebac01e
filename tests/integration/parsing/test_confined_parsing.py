"""A reader that a hostile document has taken over: what it tries from inside the parsing child, and what it gets."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataforge.parsing import isolate, sandbox
from dataforge.parsing.isolate import parse_isolated

HOSTILE = """
import ctypes, json, os, signal, socket, subprocess, sys, threading
from dataforge import parsing
from dataforge.parsing import child
from dataforge.records import Block, ParsedDocument

GIVEN = json.loads({given!r})


def main(arguments):
    parsing.FORMATS["text"] = __name__
    if GIVEN.get("without"):
        import errno
        from dataforge.parsing import sandbox
        def refuse(*_): raise OSError(errno.ENOSYS, "not here")
        for name in GIVEN["without"]:
            setattr(sandbox, name, refuse)
    child.main(arguments)


def tcp(address):
    with socket.create_connection(tuple(address), timeout=3) as opened:
        opened.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
        return opened.recv(100).decode()


def udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        return opened.sendto(b"x", ("127.0.0.1", 9))


def unix(path):
    with socket.socket(socket.AF_UNIX) as opened:
        opened.connect(path)


def call(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def threads():
    found = []
    thread = threading.Thread(target=found.append, args=(1,))
    thread.start()
    thread.join()
    return found


TRIES = {{
    "environment of the parent": lambda: open(f"/proc/{{os.getppid()}}/environ").read(),
    "environment of another process": lambda: open(f"/proc/{{GIVEN['other']}}/environ").read(),
    "memory of the parent": lambda: open(f"/proc/{{os.getppid()}}/mem", "rb").read(1),
    "loopback": lambda: tcp(GIVEN["loopback"]),
    "outside": lambda: tcp(("1.1.1.1", 80)),
    "credentials of a role": lambda: tcp(("169.254.169.254", 80)),
    "datagram": udp,
    "named socket": lambda: unix(GIVEN["named"]),
    "credentials file": lambda: open(GIVEN["credentials"]).read(),
    "another document": lambda: open(GIVEN["neighbour"]).read(),
    "list of the folder": lambda: os.listdir(GIVEN["folder"]),
    "kill the parent": lambda: os.kill(os.getppid(), signal.SIGUSR1),
    "is the parent there": lambda: os.kill(os.getppid(), 0),
    "kill another process": lambda: os.kill(GIVEN["other"], signal.SIGUSR1),
    "kill a group": lambda: os.kill(0, signal.SIGUSR1),
    "trace the parent": lambda: call(GIVEN["ptrace"], 16, os.getppid(), 0, 0),
    "write a file": lambda: open(GIVEN["folder"] + "/new", "w").close(),
    "write in /tmp": lambda: open("/tmp/dataforge-was-here", "w").close(),
    "change the document": lambda: open(GIVEN["document"], "r+").close(),
    "delete the document": lambda: os.unlink(GIVEN["document"]),
    "rename the document": lambda: os.rename(GIVEN["document"], GIVEN["document"] + "2"),
    "open it to all": lambda: os.chmod(GIVEN["document"], 0o777),
    "make a folder": lambda: os.mkdir(GIVEN["folder"] + "/d"),
    "link": lambda: os.symlink("/etc/passwd", GIVEN["folder"] + "/l"),
    "start a program": lambda: subprocess.run(["/bin/true"], check=True),
    "become a program": lambda: os.execv("/bin/true", ["true"]),
    "fork": os.fork,
    "starve the parent": lambda: __import__("resource").prlimit(os.getppid(), 7, (0, 0)),
    "new namespace": lambda: call(GIVEN["unshare"], 0x10000000),
    # And what readers need.
    "own document": lambda: open(GIVEN["document"]).read(),
    "own modules": lambda: __import__("wave").__name__,
    "threads": threads,
    "pair of sockets": lambda: [each.close() for each in socket.socketpair()],
    "randomness": lambda: len(os.urandom(8)),
    "own process": lambda: os.kill(os.getpid(), 0),
}}


def read(data):
    found = {{}}
    for name in GIVEN["tries"] or TRIES:
        try:
            found[name] = f"got: {{TRIES[name]()}}"
        except BaseException as problem:
            found[name] = type(problem).__name__
    text = json.dumps(found)
    return ParsedDocument(text, (Block("paragraph", 0, len(text), None, None),), None, None, ())
"""
FINE = ("own document", "own modules", "threads", "pair of sockets", "randomness", "own process")
NEEDS = {
    "credentials file": "landlock",
    "another document": "landlock",
    "list of the folder": "landlock",
    "environment of another process": "landlock",
}
"""What only landlock prevents; seccomp, or both, prevent the rest."""
SYSCALLS = {"x86_64": {"ptrace": 101, "unshare": 272}, "aarch64": {"ptrace": 117, "unshare": 97}}


class Place:
    """A document in a folder, with what a hostile reader would like to have around it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.modules = folder / "modules"
        self.document = folder / "documents" / "a.txt"
        for made in (self.modules, self.document.parent, folder / ".aws"):
            made.mkdir()
        self.document.write_text("Dogs travel free on every route.")
        (folder / "documents" / "b.txt").write_text("the neighbour")
        (folder / ".aws" / "credentials").write_text("aws_secret_access_key = very-secret")

    def tried(self, *tries: str, without: tuple[str, ...] = (), **more: object) -> dict[str, str]:
        """Try -> `got: ...`, or the class of the exception. without: functions of the sandbox that fail."""
        given = {
            "document": str(self.document),
            "neighbour": str(self.document.with_name("b.txt")),
            "folder": str(self.document.parent),
            "credentials": str(self.folder / ".aws" / "credentials"),
            "other": os.getpid(),
            "loopback": ["127.0.0.1", 9],
            "named": str(self.folder / "socket"),
            **SYSCALLS.get(os.uname().machine, {}),
            "tries": tries,
            "without": without,
            **more,
        }
        (self.modules / "taken_over.py").write_text(HOSTILE.format(given=json.dumps(given)))
        return json.loads(parse_isolated(self.document, filename="a.txt", child="taken_over").text)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    made = Place(tmp_path)
    monkeypatch.syspath_prepend(made.modules)
    return made


@pytest.fixture
def other() -> Iterator[int]:
    """Another process of this user, with a secret in its environment."""
    secret = {**os.environ, "SECRET": "very-secret"}
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], env=secret) as process:
        yield process.pid
        process.kill()


@pytest.fixture
def loopback() -> Iterator[list[object]]:
    """A server on this machine, which would answer."""
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield ["127.0.0.1", server.server_address[1]]
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Mechanism -> why this system does not have it: what a confined process says in a process of its own."""
    folder = tmp_path_factory.mktemp("here")
    code = (
        "import json, sys; from pathlib import Path; from dataforge.parsing.sandbox import confine\n"
        "print(json.dumps(confine(Path(sys.argv[1]), sys.path)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, check=True, text=True)
    return dict(notice.split(": ", 1) for notice in json.loads(done.stdout))


def require(here: dict[str, str], *mechanisms: str) -> None:
    """Skip where the system lacks one; that it lacks it must have a reason that only a system has."""
    for name in mechanisms:
        if name in here:
            assert here[name] in ("Function not implemented", "Operation not permitted", "Operation not supported")
            pytest.skip(f"{name}: {here[name]}")


# checklist 21
def test_a_reader_that_was_taken_over_gets_nothing(
    place: Place, here: dict[str, str], other: int, loopback: list[object]
) -> None:
    require(here, "landlock", "seccomp")

    found = place.tried(other=other, loopback=loopback)

    assert {name: result for name, result in found.items() if result.startswith("got") and name not in FINE} == {}
    assert {name: result for name, result in found.items() if name in FINE and not result.startswith("got")} == {}
    assert place.document.read_text() == "Dogs travel free on every route."
    assert sorted(path.name for path in place.document.parent.iterdir()) == ["a.txt", "b.txt"]


# checklist 21
def test_seccomp_alone_keeps_the_network_other_processes_and_files_safe(
    place: Place, here: dict[str, str], loopback: list[object]
) -> None:
    """As on Lambda, whose kernel has neither landlock nor namespaces for functions."""
    require(here, "seccomp")

    found = place.tried(without=("_restrict_files", "_leave_network"), loopback=loopback)

    allowed = {name for name, result in found.items() if result.startswith("got")} - set(FINE)
    assert allowed <= set(NEEDS) | {"environment of the parent", "memory of the parent"}
    assert place.document.exists()


def test_landlock_alone_keeps_files_safe(place: Place, here: dict[str, str], other: int) -> None:
    require(here, "landlock")
    tries = ("environment of the parent", "credentials file", "another document", "write a file", "delete the document")

    found = place.tried(*tries, "own document", "own modules", without=("_filter_calls", "_leave_network"), other=other)

    assert {found[name] for name in tries} == {"PermissionError"}
    assert found["own document"].startswith("got: Dogs")


def test_a_network_of_its_own_has_no_way_out(place: Place, here: dict[str, str], loopback: list[object]) -> None:
    require(here, "namespaces")

    found = place.tried("loopback", "outside", without=("_filter_calls", "_restrict_files"), loopback=loopback)

    assert [result for result in found.values() if result.startswith("got")] == []


@pytest.mark.parametrize("missing", [(), ("_restrict_files",), ("_restrict_files", "_leave_network", "_filter_calls")])
def test_what_a_system_lacks_is_logged_once_and_documents_are_read(
    place: Place, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...]
) -> None:
    monkeypatch.setattr(isolate, "_noticed", set())

    for _ in range(2):
        assert place.tried("own document", without=missing)["own document"].startswith("got: Dogs")

    notices = [r.message for r in caplog.records if "less isolation" in r.message and "(not here)" in r.message]
    assert len(notices) == len(missing)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user to be")
def test_where_landlock_is_missing_the_parent_hides_itself(tmp_path: Path) -> None:
    """Another process of the same user, not of root, asks for its environment."""
    tmp_path.chmod(0o755)
    code = (
        "import os, subprocess, sys; from dataforge.parsing import sandbox\n"
        "sandbox.landlock_abi = lambda: 0\n"
        "if sys.argv[1] == 'hidden': sandbox.hide_from_children()\n"
        "os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)\n"
        "if sys.argv[1] == 'hidden': sandbox.hide_from_children()\n"
        "else: sandbox._prctl(4, 1)\n"
        "sys.exit(subprocess.run(['cat', f'/proc/{os.getpid()}/environ'], capture_output=True).returncode)"
    )

    exits = [subprocess.run([sys.executable, "-c", code, how], check=False).returncode for how in ("hidden", "seen")]

    assert exits == [1, 0]


@pytest.mark.parametrize(("column", "architecture"), [(0, sandbox._X86_64), (1, sandbox._ARM64)])
def test_the_filter_is_a_program_that_the_kernel_takes(column: int, architecture: int) -> None:
    """Every jump lands inside it, on either architecture."""
    program = sandbox.filter_program(1234, column, architecture)

    count = len(program) // 8
    assert 50 < count < 4096
    for at in range(count):
        code, yes, no = program[8 * at], program[8 * at + 2], program[8 * at + 3]
        if code in (sandbox._EQUAL, sandbox._AT_LEAST, sandbox._ANY_BIT):
            assert max(yes, no) + at + 1 < count


def test_only_code_can_be_read_of_a_folder_that_holds_other_things(tmp_path: Path) -> None:
    """As when the server is started in somebody's home."""
    own = Path(sandbox.__file__).resolve().parents[1]

    found = sandbox.readable([str(tmp_path), str(own.parent), "/somewhere/site-packages", str(Path.home())])

    assert own in found
    assert Path("/somewhere/site-packages") in found
    assert not {tmp_path, own.parent, Path.home(), Path("/")} & set(found)


def test_packages_can_be_read_wherever_an_installer_put_them(tmp_path: Path) -> None:
    """As when a layer is unpacked by an emulator: its folder has no name that says so."""
    (tmp_path / "layer" / "pypdfium2-5.0.dist-info").mkdir(parents=True)
    (tmp_path / "plain").mkdir()

    found = sandbox.readable([str(tmp_path / "layer"), str(tmp_path / "plain")])

    assert tmp_path / "layer" in found
    assert tmp_path / "plain" not in found

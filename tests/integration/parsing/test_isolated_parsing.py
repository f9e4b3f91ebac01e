"""Whatever a document does to the process that reads it, the caller gets a reason, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
import zlib
from pathlib import Path

import pytest

from dataforge.errors import Unreadable
from dataforge.parsing.isolate import parse_isolated

STUBBORN = "import os, sys, time\ndef main(arguments):\n"


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write a module for the child to run instead of the reader; gives its name."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(body: str) -> str:
        (tmp_path / "misbehaving.py").write_text(STUBBORN + "".join(f"    {line}\n" for line in body.split("\n")))
        return "misbehaving"

    return write


def gone(pid: int) -> bool:
    """Dead, or dead and waiting for the system to collect it."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


def soon(check) -> bool:
    deadline = time.monotonic() + 10
    while not (done := check()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return done


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def reason(path: Path, **limits) -> str:
    with pytest.raises(Unreadable) as caught:
        parse_isolated(path, filename=path.name, **limits)
    assert caught.value.message.endswith(".")
    return caught.value.reason


def pdf(content: bytes, path: Path) -> Path:
    """A one-page PDF with this compressed content stream."""
    packed = zlib.compress(content, 9)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        b"<</Filter/FlateDecode/Length %d>>stream\n" % len(packed) + packed + b"\nendstream",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out = b"%PDF-1.7\n"
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj" % number + body + b"endobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(out)
    path.write_bytes(out + b"xref\n0 6\n0000000000 65535 f \n" + table + trailer)
    return path


def docx(document: bytes, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", document)
    return path


def test_a_well_formed_pdf_made_the_same_way_is_read(tmp_path: Path) -> None:
    path = pdf(b"BT /F 12 Tf 50 700 Td (Dogs travel free on every route.) Tj ET", tmp_path / "good.pdf")

    assert parse_isolated(path, filename="good.pdf").text == "Dogs travel free on every route."


# checklist 21
def test_a_memory_bomb_is_too_complex(tmp_path: Path) -> None:
    path = tmp_path / "bomb.html"
    path.write_bytes(b"<html><body>" + b"<p>x" * 3_000_000)

    assert reason(path, memory_mb=200) == "too_complex"


# checklist 21
def test_a_pdf_that_unfolds_to_more_than_the_memory_is_refused(tmp_path: Path) -> None:
    path = pdf(b" " * 400_000_000, tmp_path / "bomb.pdf")

    assert path.stat().st_size < 1_000_000
    assert reason(path, memory_mb=300, cpu_seconds=10) in ("too_complex", "no_text", "timed_out")


# checklist 21
def test_a_page_of_endless_text_is_refused(tmp_path: Path) -> None:
    lines = b"(%s) Tj 0 -.1 Td " % (b"word " * 100) * 2_000
    path = pdf(b"BT /F .1 Tf 50 700 Td " + lines + b"ET", tmp_path / "dense.pdf")

    assert reason(path) == "too_complex"


# checklist 21
def test_a_zip_bomb_is_too_large(tmp_path: Path) -> None:
    path = docx(b" " * (257 * 2**20), tmp_path / "bomb.docx")

    assert reason(path) == "too_large"


# checklist 21
def test_a_zip_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    path = docx(b" " * (257 * 2**20), tmp_path / "liar.docx")
    true_size, said = (257 * 2**20).to_bytes(4, "little"), (100).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(true_size, said))

    assert reason(path) in ("corrupted", "too_large")


# checklist 21
def test_elements_nested_without_end_are_too_complex(tmp_path: Path) -> None:
    path = tmp_path / "deep.html"
    path.write_bytes(b"<html><body>" + b"<div>" * 200_000 + b"text")

    assert reason(path) == "too_complex"


# checklist 21
def test_more_text_than_can_be_handed_over_is_too_large(child, tmp_path: Path) -> None:
    path = tmp_path / "any.txt"
    path.write_text("text")

    module = child("while True: os.write(1, bytes(1 << 20))")

    assert reason(path, child=module) == "too_large"


# checklist 21
def test_a_file_that_never_ends_runs_out_of_time(tmp_path: Path) -> None:
    path = tmp_path / "pipe.txt"
    os.mkfifo(path)

    assert reason(path, wall_seconds=0.5) == "timed_out"
    assert children(os.getpid()) == [] or not any("pipe.txt" in _command(one) for one in children(os.getpid()))


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


# checklist 21
def test_a_loop_without_end_runs_out_of_processor_time(child, tmp_path: Path) -> None:
    path = tmp_path / "any.txt"
    path.write_text("text")

    module = child(
        "import json\nfrom dataforge.parsing.child import _limit\n_limit(512, json.loads(arguments)['cpu_seconds'])\n"
        "while True: pass"
    )

    assert reason(path, child=module, cpu_seconds=1, wall_seconds=60) == "timed_out"


# checklist 21
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("os.kill(os.getpid(), 11)", "corrupted"),
        ("os.abort()", "too_complex"),
        ("os.kill(os.getpid(), 9)", "too_complex"),
        ("raise MemoryError", "too_complex"),
        ("os.write(1, b'half of an ans'); os._exit(0)", "corrupted"),
        ("os.write(2, b'complaint ' * 100_000); os.kill(os.getpid(), 11)", "corrupted"),
    ],
)
def test_a_crash_of_the_child_is_a_reason_to_the_caller(child, tmp_path: Path, body: str, expected: str) -> None:
    path = tmp_path / "any.txt"
    path.write_text("text")

    assert reason(path, child=child(body)) == expected


@pytest.mark.parametrize(
    "body",
    [
        "os.write(2, b'PoemError: the quokka of the document'); os.abort()",
        "import json; os.write(2, b'PoemError: the quokka of the document'); "
        "os.write(1, json.dumps({'reason': 'corrupted', 'message': ''}).encode())",
    ],
)
def test_the_log_names_the_error_of_a_reader_and_none_of_its_words(
    child, tmp_path: Path, caplog: pytest.LogCaptureFixture, body: str
) -> None:
    path = tmp_path / "any.txt"
    path.write_text("text")

    reason(path, child=child(body))

    assert "PoemError" in caplog.text
    assert "quokka" not in caplog.text


def test_an_installation_that_cannot_start_the_reader_is_not_the_documents_fault(tmp_path: Path) -> None:
    path = tmp_path / "any.txt"
    path.write_text("text")

    with pytest.raises(RuntimeError, match="could not start"):
        parse_isolated(path, filename="any.txt", child="no_such_module")


@pytest.mark.parametrize(
    "blocks", ['["paragraph", 0, 99, null, null]', '["paragraph", -1, 2, null, null]', '["poem", 0, 2, null, null]']
)
def test_an_answer_that_contradicts_itself_is_not_believed(child, tmp_path: Path, blocks: str) -> None:
    path = tmp_path / "any.txt"
    path.write_text("text")
    answer = f'{{"text": "short", "blocks": [{blocks}], "pages": null, "title": null, "warnings": []}}'

    with pytest.raises(ValueError, match="outside its text"):
        parse_isolated(path, filename="any.txt", child=child(f"os.write(1, b'''{answer}''')"))


def test_the_child_sees_no_secrets_and_no_open_input(child, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    path = tmp_path / "any.txt"
    path.write_text("text")
    module = child(
        "import json\ntext = ' '.join(os.environ) + repr(sys.stdin.read()) + str(os.getsid(0) == os.getpid())\n"
        "print(json.dumps({'text': text, 'blocks': [], 'pages': None, 'title': None, 'warnings': []}))"
    )

    seen = parse_isolated(path, filename="any.txt", child=module).text

    assert "AWS" not in seen
    assert "very-secret" not in seen
    assert seen.endswith("''True")


# checklist 21
def test_what_the_child_started_dies_with_it(child, tmp_path: Path) -> None:
    path = tmp_path / "any.txt"
    path.write_text("text")
    module = child(
        f"if os.fork() == 0:\n    open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n    time.sleep(600)\n"
        "time.sleep(600)"
    )

    assert reason(path, child=module, wall_seconds=2) == "timed_out"

    grandchild = int((tmp_path / "pid").read_text())
    assert soon(lambda: gone(grandchild))


# checklist 21
def test_the_child_dies_with_its_parent(tmp_path: Path) -> None:
    path = tmp_path / "pipe.txt"
    os.mkfifo(path)
    code = (
        "import sys; from pathlib import Path; from dataforge.parsing.isolate import parse_isolated\n"
        "parse_isolated(Path(sys.argv[1]), filename='pipe.txt', wall_seconds=600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(path)])
    try:
        assert soon(lambda: children(parent.pid))
        reader = children(parent.pid)[0]
        assert soon(lambda: "S" in Path(f"/proc/{reader}/stat").read_text().rpartition(")")[2].split()[0])
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()

    assert soon(lambda: gone(reader))


def test_children_are_collected(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("# Fares\n\nDogs travel free.")
    before = set(children(os.getpid()))

    for _ in range(3):
        parse_isolated(path, filename="a.md")

    assert set(children(os.getpid())) <= before


def test_the_package_is_found_through_the_callers_import_path(tmp_path: Path) -> None:
    """As on Lambda, where the layers are on PYTHONPATH and the interpreter knows nothing of them."""
    path = tmp_path / "a.md"
    path.write_text("# Fares\n\nDogs travel free.")
    code = (
        "import sys; from pathlib import Path; from dataforge.parsing.isolate import parse_isolated\n"
        "print(parse_isolated(Path(sys.argv[1]), filename='a.md').title)"
    )
    bare = {"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}

    done = subprocess.run([sys.executable, "-S", "-c", code, str(path)], env=bare, capture_output=True, check=True)

    assert done.stdout == b"Fares\n"

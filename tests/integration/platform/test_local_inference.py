"""Warm processes of one machine: when they are started, shared, and ended."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from dataforge import settings
from dataforge.errors import Conflict, ModelLoading
from dataforge.platform.embedded.local_files import LocalFiles
from dataforge.platform.embedded.local_inference import LocalInference
from dataforge.platform.ports import ModelAddress, ServedModel
from tests.support.own_models import Program, use_program
from tests.support.paths import ROOT
from tests.support.storage_backends import local_files

HELP = """
import sys
from pathlib import Path
from dataforge.platform.embedded.local_inference import LocalInference
from tests.integration.platform.test_local_inference import model
from tests.support.storage_backends import local_files
home = Path(sys.argv[1])
print(LocalInference(home, local_files(home / "files")).prepare(model(1)).url)
"""


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Program]:
    yield use_program(monkeypatch, tmp_path)
    settings.get.cache_clear()


@pytest.fixture
def files(tmp_path: Path) -> Iterator[LocalFiles]:
    made = local_files(tmp_path / "home" / "files")
    yield made
    made.close()


@pytest.fixture
def inference(program: Program, tmp_path: Path, files: LocalFiles) -> Iterator[LocalInference]:
    made = LocalInference(tmp_path / "home", files)
    made.open()
    yield made
    made.close()
    assert eventually(lambda: not alive(program)), "a process was left behind"


def model(number: int, base: str = "org/tiny") -> ServedModel:
    return ServedModel(key=f"m-o-{number}", base_model=base, files_prefix=f"models/{number}")


def add(files: LocalFiles, number: int, *, base: str = "org/tiny", adapter: bool = True) -> ServedModel:
    for name in ("merged/config.json", *(["adapter/adapter_config.json"] if adapter else [])):
        files.write(f"models/{number}/{name}", b"{}")
    return model(number, base)


def ask(address: ModelAddress, token: str | None = None) -> str:
    body = f'{{"prompt": "hello", "max_tokens": 9, "adapter": "{address.adapter}"}}'.encode()
    bearer = {"Authorization": f"Bearer {address.token if token is None else token}"}
    with urlopen(Request(address.url, body, bearer), timeout=10) as reply:
        return str(reply.read())


def alive(program: Program) -> set[int]:
    return {pid for pid in program.processes() if Path(f"/proc/{pid}").exists()}


def eventually(holds: Callable[[], bool], seconds: float = 15) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def test_many_requests_at_once_start_one_process(program, files, inference):
    add(files, 1)
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(inference.prepare(model(1)).url)) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert len({*found}) == 1
    assert program.loads() == {"base": 1}


def test_another_process_of_the_machine_uses_the_same_one(program, files, inference, tmp_path):
    add(files, 1)
    helper = [sys.executable, "-c", HELP, str(tmp_path / "home")]

    first = subprocess.run(helper, capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()

    assert inference.prepare(model(1)).url == first  # its starter is gone, and it still answers
    assert program.loads() == {"base": 1}


def test_a_request_without_the_token_is_refused(program, files, inference):
    add(files, 1)
    address = inference.prepare(model(1))

    with pytest.raises(Exception, match="401"):
        ask(address, token="")

    assert "m-o-1 heard" in ask(address)


def test_a_process_ends_when_nobody_asks(monkeypatch, program, files, inference):
    monkeypatch.setenv("DATAFORGE_SERVING_IDLE", "1")
    settings.get.cache_clear()
    add(files, 1)
    inference.prepare(model(1))

    assert eventually(lambda: not alive(program))

    assert "m-o-1 heard" in ask(inference.prepare(model(1)))


def test_a_process_ends_with_its_server_however_that_ends(program, files, inference):
    add(files, 1)
    inference.prepare(model(1))
    assert alive(program)

    os.close(inference._owner)  # as the kernel does for a process that was killed
    inference._owner = None

    assert eventually(lambda: not alive(program))


def test_a_new_adapter_joins_the_others_of_its_base(program, files, inference):
    for number in (1, 2):
        add(files, number)
    inference.prepare(model(1))

    second = inference.prepare(model(2))
    first = inference.prepare(model(1))

    assert (first.url, first.adapter, second.adapter) == (second.url, "m-o-1", "m-o-2")
    assert len(alive(program)) == 1
    assert program.loads() == {"base": 2}


def test_at_most_two_models_are_loaded_and_the_longest_unused_makes_room(program, files, inference):
    bases = ["org/a", "org/b", "org/c"]
    for number, base in enumerate(bases):
        add(files, number, base=base)
    for number, base in enumerate(bases[:2]):
        inference.prepare(model(number, base))
        time.sleep(0.05)

    inference.prepare(model(2, "org/c"))

    assert len(alive(program)) == 2
    loads = len(program.lines())
    inference.prepare(model(1, "org/b"))
    assert len(program.lines()) == loads


def test_a_base_model_that_was_a_folder_and_is_gone_leaves_the_merged_weights(program, files, inference):
    add(files, 1, base="/nowhere/base")

    address = inference.prepare(model(1, "/nowhere/base"))

    assert address.adapter is None
    assert program.loads() == {"merged": 1}


def test_a_removed_model_has_no_process_and_no_files(program, files, inference, tmp_path):
    add(files, 1, adapter=False)
    inference.prepare(model(1))

    inference.remove(model(1))
    inference.remove(model(1))

    assert eventually(lambda: not alive(program))
    assert not (tmp_path / "home/inference/models/m-o-1").exists()


def test_files_are_linked_and_not_copied(program, files, inference, tmp_path):
    add(files, 1)
    inference.prepare(model(1))

    linked = tmp_path / "home/inference/models/m-o-1/merged/config.json"

    assert linked.stat().st_nlink == 2


def test_a_slow_load_is_not_waited_for_longer_than_the_setting(monkeypatch, files, inference, tmp_path):
    use_program(monkeypatch, tmp_path, loads=2, wait=0)
    add(files, 1)
    began = time.monotonic()

    with pytest.raises(ModelLoading):
        inference.prepare(model(1))

    assert time.monotonic() - began < 1.5


def test_a_model_that_cannot_be_loaded_is_tried_again_by_the_next_request(program, files, inference):
    add(files, 1, adapter=False)
    files.delete("models/1/merged/config.json")
    for _ in range(2):
        with pytest.raises(Conflict, match="holds no merged weights"):
            inference.prepare(model(1))

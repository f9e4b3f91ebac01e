"""The Python of the Lambda functions on this machine: one that is installed, or a Debian in a folder that has it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.support.paths import ROOT, SHARED_CORPUS

VERSION = "3.13"
DEBIAN, MIRROR = "trixie", "http://deb.debian.org/debian"
"""The release of Debian whose python3 is that version."""
PROBE = f"import ctypes, lzma, sqlite3, ssl, sys; assert '%d.%d' % sys.version_info[:2] == '{VERSION}'"
UV = str(ROOT / ".tools/bin/uv")
COPIED = ("benchmarks", "client", "examples", "dataforge_functions", "dataforge_infra", "layers", "tests")


class NotPossible(Exception):
    """Why that Python can be had in no way here: a sentence for people."""


def installed() -> str | None:
    """The path of an interpreter that works: `RUNTIME_PYTHON`, the search path, or pyenv's folder."""
    name = f"python{VERSION}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = [os.environ.get("RUNTIME_PYTHON"), shutil.which(name), *pyenv.glob(f"versions/{VERSION}*/bin/{name}")]
    return next((str(python) for python in found if python and works(str(python))), None)


def works(python: str) -> bool:
    try:
        return subprocess.run([python, "-c", PROBE], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def in_environment(python: str, place: Path, program: Sequence[str]) -> int:
    """Runs `python program...` with everything that the lock names, in an environment of its own at `place`."""
    environment = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(place)}
    subprocess.run(
        [UV, "sync", "--frozen", "--quiet", "--python", python, "--all-extras"], cwd=ROOT, env=environment, check=True
    )
    return subprocess.run([str(place / "bin/python"), *program], cwd=ROOT, check=False).returncode


def in_debian(place: Path, program: Sequence[str]) -> int:
    """The same in a Debian at `place` (330 MB; two minutes for the first time), with our files and packages copied in.

    Raises NotPossible where this user may not, or where Debian cannot be reached.
    """
    if os.geteuid() != 0 or not shutil.which("unshare"):
        raise NotPossible("another way is a Debian in a folder, which needs root and `unshare`")
    if not (place / ".ready").exists():
        _install_debian(place)
    _install_packages(place / "opt/site-packages")
    project = place / "opt/project"
    for name in COPIED:
        shutil.copytree(ROOT / name, project / name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", "LICENSE", "pyproject.toml", "uv.lock", "cdk.json"):
        shutil.copy2(ROOT / name, project / name)
    if SHARED_CORPUS.is_dir():
        shutil.copytree(SHARED_CORPUS, place / "opt/shared/corpus", dirs_exist_ok=True)
    # Found also by a child process whose environment says nothing of it.
    found = ["/opt/site-packages", *(f"/opt/project/{part}" for part in ("layers/core", "client", ""))]
    paths = place / f"usr/local/lib/python{VERSION}/dist-packages/project.pth"
    paths.parent.mkdir(parents=True, exist_ok=True)
    paths.write_text("\n".join(found) + "\n")
    # A mount space of its own: nothing stays mounted, however this ends.
    inside = 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"'
    command = ["unshare", "--mount", "--pid", "--fork", "sh", "-c", inside, str(place)]
    command += ["env", "-i", "PATH=/usr/bin:/bin", "HOME=/root", "LANG=C.UTF-8"]
    command += [f"{name}={value}" for name in ("CI",) if (value := os.environ.get(name))]
    command += ["sh", "-c", 'cd /opt/project && exec "$@"', "sh", f"python{VERSION}", *program]
    return subprocess.run(command, check=False).returncode


def _install_debian(place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        tool, environment = _debootstrap(Path(folder))
        packages = f"--include=python{VERSION},python3,ca-certificates"
        command = [tool, "--variant=minbase", packages, DEBIAN, str(place), MIRROR]
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise NotPossible(f"Debian {DEBIAN} could not be installed into {place}: {' '.join(said)}")
    (place / ".ready").touch()


def _debootstrap(folder: Path) -> tuple[str, dict[str, str]]:
    """The command and its environment; where it is not installed it is unpacked into `folder`, and nothing else."""
    if found := shutil.which("debootstrap"):
        return found, dict(os.environ)
    if shutil.which("apt-get"):
        subprocess.run(["apt-get", "download", "debootstrap"], cwd=folder, check=False, capture_output=True)
    archives = list(folder.glob("debootstrap*.deb"))
    if not archives:
        raise NotPossible("another way is a Debian in a folder, which needs `debootstrap`")
    subprocess.run(["dpkg", "-x", str(archives[0]), str(folder)], check=True)
    return str(folder / "usr/sbin/debootstrap"), {
        **os.environ,
        "DEBOOTSTRAP_DIR": str(folder / "usr/share/debootstrap"),
    }


def _install_packages(target: Path) -> None:
    """What the lock names, for that Debian; from outside, so that it needs neither pip nor certificates."""
    lock = ROOT / "uv.lock"
    mark = target / ".ready"
    if mark.exists() and mark.read_bytes() == lock.read_bytes():
        return
    shutil.rmtree(target, ignore_errors=True)
    export = [
        UV,
        "export",
        "--frozen",
        "--quiet",
        "--all-extras",
        "--no-emit-workspace",
        "--no-header",
        "--no-annotate",
    ]
    wanted = subprocess.run(export, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    install = [UV, "pip", "install", "--quiet", "--target", str(target), "--no-deps", "--require-hashes"]
    install += [
        "--only-binary",
        ":all:",
        "--python-version",
        VERSION,
        "--python-platform",
        f"{os.uname().machine}-manylinux_2_28",
    ]
    subprocess.run([*install, "--requirements", "-"], input=wanted, text=True, check=True)
    mark.write_bytes(lock.read_bytes())

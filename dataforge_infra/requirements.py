"""`python -m dataforge_infra.requirements` writes what each layer installs, pinned and hashed, from uv.lock.

The parsing layer lies on top of the core layer, so it lists only what core does not have.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from uv import find_uv_bin

ROOT = Path(__file__).parents[1]
HEADER = "# Written by `python -m dataforge_infra.requirements` from uv.lock; do not edit.\n"


def exported() -> dict[str, str]:
    """Layer -> text of its requirements file, as the lock has it now."""
    core = _export("aws")
    both = _export("aws", "parsing")
    return {"core": _text(core), "parsing": _text({pin: entry for pin, entry in both.items() if pin not in core})}


def path(layer: str) -> Path:
    return ROOT / "layers" / layer / "requirements.txt"


def _export(*extras: str) -> dict[str, str]:
    """`name==version` with its marker -> the whole entry with its hashes."""
    command = [find_uv_bin(), "export", "--frozen", "--no-default-groups", "--no-emit-workspace", "--no-annotate"]
    command += ["--no-header", "--quiet", *(f"--extra={extra}" for extra in extras)]
    lines = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    entries: dict[str, str] = {}
    pin = ""
    for line in lines:
        if not line.startswith(" "):
            pin = line.removesuffix(" \\")
            entries[pin] = ""
        entries[pin] += f"{line}\n"
    return entries


def _text(entries: dict[str, str]) -> str:
    return HEADER + "".join(entries.values())


def main() -> None:
    for layer, text in exported().items():
        path(layer).parent.mkdir(exist_ok=True)
        path(layer).write_text(text)
        print(f"{path(layer).relative_to(ROOT)}: {text.count('==')} packages")


if __name__ == "__main__":
    main()

"""Reads a synthesised deployment (`cdk.out`): its stacks, their order and their assets."""

from __future__ import annotations

import json
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FIXED_TIME = (1980, 1, 1, 0, 0, 0)
"""Of every archive entry: the same content gives the same bytes."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file, or a folder that is uploaded as an archive, and its destination."""

    source: Path
    bucket: str
    key: str

    def packed(self, folder: Path) -> Path:
        """The file to upload; an archive is made in `folder`."""
        if self.source.is_file():
            return self.source
        target = folder / Path(self.key).name
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            for path in sorted(p for p in self.source.rglob("*") if p.is_file()):
                entry = zipfile.ZipInfo(path.relative_to(self.source).as_posix(), _FIXED_TIME)
                entry.external_attr = (stat.S_IMODE(path.stat().st_mode) | stat.S_IFREG) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
        return target


@dataclass(frozen=True, slots=True)
class Stack:
    name: str
    assets: list[Asset]
    template: Asset
    protected: bool
    """CloudFormation refuses to delete it."""
    tags: dict[str, str]


def stacks(folder: Path, *, account: str, region: str, partition: str = "aws") -> list[Stack]:
    """In the order of deployment. Raises ValueError for a folder that holds no assembly."""
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        raise ValueError(f"{folder} holds no synthesised deployment (no manifest.json); run: make synth")
    artifacts = json.loads(manifest.read_text("utf-8"))["artifacts"]
    found = {name: a for name, a in artifacts.items() if a["type"] == "aws:cloudformation:stack"}
    places = {"${AWS::AccountId}": account, "${AWS::Region}": region, "${AWS::Partition}": partition}
    ordered: list[str] = []
    while waiting := [name for name in found if name not in ordered]:
        ordered.append(next(n for n in waiting if not set(found[n].get("dependencies", ())) & set(waiting)))
    return [_stack(folder, name, found[name]["properties"], places) for name in ordered]


def _stack(folder: Path, artifact: str, properties: dict[str, Any], places: dict[str, str]) -> Stack:
    files = json.loads((folder / f"{artifact}.assets.json").read_text("utf-8"))["files"].values()
    template = str(properties["templateFile"])
    assets = [_asset(folder, entry, places) for entry in files]
    [own] = [a for a in assets if a.source == folder / template]
    return Stack(
        str(properties.get("stackName", artifact)),
        [a for a in assets if a is not own],
        own,
        bool(properties.get("terminationProtection", False)),
        dict(properties.get("tags", {})),
    )


def _asset(folder: Path, entry: dict[str, Any], places: dict[str, str]) -> Asset:
    [place] = entry["destinations"].values()
    bucket = str(place["bucketName"])
    for placeholder, value in places.items():
        bucket = bucket.replace(placeholder, value)
    return Asset(folder / entry["source"]["path"], bucket, str(place["objectKey"]))

"""The templates of the last release, kept to prove that a deployment of it can be brought up to date.

`python -m tests.support.last_release` takes today's as the new ones: run it when a release is made, after its version
was raised, never to make a failing upgrade pass.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

from dataforge_client import __version__
from dataforge_infra.app import build

PATH = Path(__file__).with_name("last_release.json.gz")
STACKS = ("DataStack", "ServiceStack")
OPTIONS: dict[str, str | list[str]] = {"stage": "dev", "waf": "yes"}
"""As `make test-deploy` deploys it."""


def read() -> dict[str, Any]:
    """`{"version": ..., "templates": {"DataStack": {...}, "ServiceStack": {...}}, "files": {key: text}}`; the files
    are the state machines, by where the templates look for them."""
    found: dict[str, Any] = json.loads(gzip.decompress(PATH.read_bytes()))
    return found


def lay_over(assembly: Path) -> None:
    """Turn a synthesised deployment of today into the release's: its templates, with today's archives in the places
    where they look for theirs."""
    for key, text in read()["files"].items():
        (assembly / f"release-{key}").write_text(text)
    for stack, template in read()["templates"].items():
        today = json.loads((assembly / f"{stack}.template.json").read_text())
        assets_path = assembly / f"{stack}.assets.json"
        assets = json.loads(assets_path.read_text())
        archives = _archives(template)
        moved = dict(zip(_archives(today), archives, strict=True))
        for file in assets["files"].values():
            for place in file["destinations"].values():
                # A key names its content, and what is there is not uploaded again: the template's own must differ.
                place["objectKey"] = moved.get(place["objectKey"], f"release-{place['objectKey']}")
        assets["files"] |= {key: _file(assets, key) for key in read()["files"] if archives}
        assets_path.write_text(json.dumps(assets))
        (assembly / f"{stack}.template.json").write_text(json.dumps(_as_named_today(template)))


def _as_named_today(template: dict[str, Any]) -> dict[str, Any]:
    """Release 0.1 called the package of the functions `functions`; in today's archive it has another name."""
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            handler = str(resource["Properties"]["Handler"])
            resource["Properties"]["Handler"] = handler.replace("functions.", "dataforge_functions.", 1)
    return template


def _file(assets: dict[str, Any], key: str) -> dict[str, Any]:
    """An entry of the list of assets, beside those that are there."""
    [place, *_] = next(iter(assets["files"].values()))["destinations"].values()
    source = {"path": f"release-{key}", "packaging": "file"}
    return {"source": source, "destinations": {"here": {**place, "objectKey": key}}}


def _machines(folder: Path) -> dict[str, str]:
    entries = json.loads((folder / "ServiceStack.assets.json").read_text())["files"].values()
    paths = [folder / e["source"]["path"] for e in entries if e["source"]["packaging"] == "file"]
    keys = [next(iter(e["destinations"].values()))["objectKey"] for e in entries if e["source"]["packaging"] == "file"]
    found = zip(keys, paths, strict=True)
    return {key: path.read_text() for key, path in found if path.name != "ServiceStack.template.json"}


def _archives(template: dict[str, Any]) -> list[str]:
    """Keys in the bucket of archives: our code, then the layers by name."""
    found: dict[str, str] = {}
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Lambda::Function":
            found[""] = properties["Code"]["S3Key"]
        elif resource["Type"] == "AWS::Lambda::LayerVersion":
            found[properties["LayerName"]] = properties["Content"]["S3Key"]
    return [found[name] for name in sorted(found)]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        build({**OPTIONS, "aws:cdk:bundling-stacks": []}, folder).synth()
        templates = {name: json.loads(Path(folder, f"{name}.template.json").read_text()) for name in STACKS}
        kept = {"version": __version__, "templates": templates, "files": _machines(Path(folder))}
    text = json.dumps(kept, sort_keys=True)
    PATH.write_bytes(gzip.compress(text.encode(), mtime=0))
    print(f"{PATH.name}: release {__version__}, {PATH.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()

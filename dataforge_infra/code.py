"""What the functions run: one archive of our code and two layers of packages, built by uv, without Docker.

Built only when their content changed; `aws:cdk:bundling-stacks: []` in the context leaves the building out.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import AssetHashType, BundlingOptions, DockerImage, ILocalBundling
from aws_cdk import aws_lambda as lambda_
from constructs import Construct
from uv import find_uv_bin

from dataforge_infra import catalog
from dataforge_infra.stages import Stage

ROOT = Path(__file__).parents[1]
RUNTIME = lambda_.Runtime.PYTHON_3_13
ARCHITECTURE = lambda_.Architecture.ARM_64
MOST_UNZIPPED = 250 * 2**20
"""Lambda's limit for a function with all its layers, in bytes."""

# Lambda's Python 3.13 stands on Amazon Linux 2023 (glibc 2.34), so wheels for 2.28 run there.
PLATFORMS = {
    "lambda": ["--python-platform", "aarch64-manylinux_2_28", "--python-version", "3.13"],
    # For an emulator that runs the functions on its own interpreter: `-c layers=host`.
    "host": ["--python", sys.executable],
}

# Our own code in the archive, by path. The AWS backend reads keys and indexes from the catalog.
SOURCES = {
    "dataforge": ROOT / "layers/core/dataforge",
    "dataforge_functions": ROOT / "dataforge_functions",
    "dataforge_infra/__init__.py": ROOT / "dataforge_infra/__init__.py",
    "dataforge_infra/catalog.py": ROOT / "dataforge_infra/catalog.py",
    "dataforge_infra/catalog_entries.py": ROOT / "dataforge_infra/catalog_entries.py",
}
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", ".DS_Store")


class Bundles(Construct):
    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        self._prefix = stage.prefix
        platform = self.node.try_get_context("layers") or "lambda"
        if platform not in PLATFORMS:
            raise ValueError(f"-c layers={platform}: choose one of {', '.join(PLATFORMS)}")
        self.code = _code(ROOT / "dataforge_functions", _hash_of_sources(), _copy_sources)
        self._layers = {name: self._layer(name, platform) for name in catalog.LAYERS}

    def layers(self, kind: str) -> list[lambda_.ILayerVersion]:
        return [self._layers[name] for name in catalog.LAYERS[kind]]

    def _layer(self, name: str, platform: str) -> lambda_.LayerVersion:
        requirements = ROOT / "layers" / name / "requirements.txt"
        options = PLATFORMS[platform]
        # The interpreter's path says nothing about what is installed; its version does.
        how = sys.version if platform == "host" else " ".join(options)
        facts = [requirements.read_text(), *catalog.UNUSED, platform, how]

        def install(target: Path) -> None:
            _install(requirements, target / "python", options)

        return lambda_.LayerVersion(
            self,
            name.capitalize(),
            layer_version_name=f"{self._prefix}{name}",
            code=_code(ROOT / "layers" / name, hashlib.sha256("\0".join(facts).encode()).hexdigest(), install),
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[ARCHITECTURE],
            description=f"Packages of the {name} layer, from uv.lock",
        )


@jsii.implements(ILocalBundling)
class _Local:
    """Builds in this process what the CDK would otherwise build in a container."""

    def __init__(self, build: Callable[[Path], None]) -> None:
        self._build = build

    def try_bundle(self, output_dir: str, *_: Any, **__: Any) -> bool:
        self._build(Path(output_dir))
        return True


def _code(source: Path, digest: str, build: Callable[[Path], None]) -> lambda_.Code:
    return lambda_.Code.from_asset(
        str(source),
        asset_hash=digest,
        asset_hash_type=AssetHashType.CUSTOM,
        # Required by the CDK; never pulled.
        bundling=BundlingOptions(image=DockerImage.from_registry("none"), local=_Local(build)),
    )


def _install(requirements: Path, target: Path, options: list[str]) -> None:
    """From uv's cache when it has everything, else from the index. Raises RuntimeError with uv's own words."""
    command = [find_uv_bin(), "pip", "install", "--quiet", "--target", str(target), "--no-deps", "--require-hashes"]
    command += ["--only-binary", ":all:", "--link-mode", "copy", *options, "--requirements", str(requirements)]
    for network in (["--offline"], []):
        shutil.rmtree(target, ignore_errors=True)
        done = subprocess.run([*command, *network], check=False, capture_output=True, text=True)
        if done.returncode == 0:
            for folder in catalog.UNUSED:
                shutil.rmtree(target / folder, ignore_errors=True)
            return
    raise RuntimeError(f"uv could not install {requirements.relative_to(ROOT)}:\n{done.stderr}")


def _copy_sources(target: Path) -> None:
    for place, source in SOURCES.items():
        (target / place).parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target / place, ignore=_LEFT_OUT)
        else:
            shutil.copy2(source, target / place)


def _hash_of_sources() -> str:
    digest = hashlib.sha256()
    for place, source in SOURCES.items():
        for file in _files(source):
            digest.update(f"{place}\0{file.relative_to(source)}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _files(source: Path) -> Iterator[Path]:
    """The files that `_copy_sources` would copy, in a fixed order."""
    if source.is_file():
        yield source
        return
    names = sorted(entry.name for entry in source.iterdir())
    for name in names:
        if name not in _LEFT_OUT(str(source), names):
            yield from _files(source / name)


def unzipped_sizes(assembly: Path) -> dict[str, dict[str, int]]:
    """Function -> {archive: bytes} for every function of a synthesised assembly.

    Raises ValueError naming the functions that Lambda would refuse.
    """
    sizes: dict[str, dict[str, int]] = {}
    for template in sorted(assembly.glob("*.template.json")):
        resources = json.loads(template.read_text())["Resources"]
        functions = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::Lambda::Function"]
        for function in functions:
            layers = [resources[layer["Ref"]]["Properties"] for layer in function["Layers"]]
            archives = {layer["LayerName"]: layer["Content"] for layer in layers} | {"code": function["Code"]}
            sizes[function["FunctionName"]] = {name: _unzipped(assembly, where) for name, where in archives.items()}
    too_large = [name for name, parts in sizes.items() if sum(parts.values()) > MOST_UNZIPPED]
    if too_large:
        raise ValueError(f"over {MOST_UNZIPPED >> 20} MB unzipped: {', '.join(too_large)}")
    return sizes


def _unzipped(assembly: Path, where: dict[str, str]) -> int:
    folder = assembly / f"asset.{where['S3Key'].removesuffix('.zip')}"
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())

"""The Inference port on AWS: an endpoint of SageMaker, or a model imported into Bedrock, as DATAFORGE_SERVING says.

| DATAFORGE_SERVING | who answers |
|---|---|
| `endpoint` | one endpoint for all models of the stage, each an inference component that scales to zero copies |
| `import` | Bedrock, for the architectures that it imports (`importable.json`); the endpoint for all others |

Both need minutes for the first answer, and cost nothing for compute while nobody asks.
"""

from __future__ import annotations

import json
from functools import cache, cached_property
from pathlib import Path

from dataforge import settings
from dataforge.errors import NotConfigured
from dataforge.platform.aws.model_endpoint import ModelEndpoint
from dataforge.platform.aws.model_imports import ModelImports
from dataforge.platform.ports import Files, ModelAddress, ServedModel

ENDPOINT, IMPORT = "endpoint", "import"


class AwsInference:
    """bucket, files: where the models are. The parts are given by tests."""

    def __init__(
        self, bucket: str, files: Files, *, endpoint: ModelEndpoint | None = None, imports: ModelImports | None = None
    ) -> None:
        self._bucket, self._files = bucket, files
        if endpoint is not None:
            self._endpoint = endpoint
        if imports is not None:
            self._imports = imports

    @cached_property
    def _endpoint(self) -> ModelEndpoint:
        return ModelEndpoint(self._bucket)

    @cached_property
    def _imports(self) -> ModelImports:
        return ModelImports(self._bucket)

    def missing(self) -> str | None:
        s = settings.get()
        if s.serving not in (ENDPOINT, IMPORT):
            return f"DATAFORGE_SERVING must be {ENDPOINT} or {IMPORT}, not {s.serving!r}"
        if s.serving_role and s.training_image:
            return None
        return (
            "This deployment has no role and image to answer with trained models: run `dataforge deploy --training`, "
            "or deploy with -c training_image=URI"
        )

    def set_up(self, model: ServedModel) -> None:
        self._answering(model).set_up(model)

    def prepare(self, model: ServedModel, *, base: bool = False) -> ModelAddress:
        if base:
            raise NotConfigured(
                "base: on AWS only trained models are loaded; compare with the base model on one machine "
                "(`dataforge chat --vs base`), or name it as a teacher of its own"
            )
        return self._answering(model).prepare(model)

    def remove(self, model: ServedModel) -> None:
        if self.missing() is None:
            self._endpoint.remove(model)
            if settings.get().import_role:
                self._imports.remove(model)

    def folder(self, model: ServedModel) -> Path:
        raise NotConfigured(
            "This works on one machine only. Here the whole weights are in the bucket, under "
            f"{model.files_prefix}/merged/: copy them to a machine with the tool that is needed"
        )

    def _answering(self, model: ServedModel) -> ModelEndpoint | ModelImports:
        """Raises NotConfigured."""
        if lacks := self.missing():
            raise NotConfigured(lacks)
        if settings.get().serving == IMPORT and self._is_importable(model):
            return self._imports
        return self._endpoint

    def _is_importable(self, model: ServedModel) -> bool:
        if not settings.get().import_role:
            return False
        try:
            config = json.loads(self._files.read(f"{model.files_prefix}/merged/config.json"))
        except (FileNotFoundError, ValueError):
            return False
        named = config.get("architectures") if isinstance(config, dict) else None
        return bool(isinstance(named, list) and named and named[0] in importable())


@cache
def importable() -> frozenset[str]:
    """Architectures that Bedrock imports, as `config.json` of a model names them."""
    table = json.loads(Path(__file__).with_name("importable.json").read_text("utf-8"))
    return frozenset(name for names in table["architectures"].values() for name in names)

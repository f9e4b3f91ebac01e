"""Ids in the paths of routes, as the OpenAPI document describes them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

from dataforge_functions.api.wire.limits import Id

ProjectId = Annotated[Id, Path(description="Id of the project")]
DocumentId = Annotated[Id, Path(description="Id of the document")]
ChunkId = Annotated[Id, Path(description="Id of the chunk")]
PairId = Annotated[Id, Path(description="Id of the pair")]
GenerationId = Annotated[Id, Path(description="Id of the run")]
JobId = Annotated[Id, Path(description="Id of the job")]
KeyId = Annotated[Id, Path(description="Id of the key")]
UserId = Annotated[Id, Path(description="Id of the member")]
Version = Annotated[int, Path(ge=1, le=10**9, description="Number of the export")]

"""Types of fields that many answers have. What they add stands in the OpenAPI document only; nothing is checked."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field


def one_of(*words: str) -> Any:
    """`Annotated[str, one_of("pending", "parsed")]`: the words that the field can have.

    Not a Literal: an answer from data of an earlier release must not fail because of a word that is not used any more.
    """
    return Field(json_schema_extra={"enum": list(words)})


Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""ISO 8601, UTC, whole seconds: `2026-11-29T10:00:00Z`."""
Link = Annotated[str, Field(json_schema_extra={"format": "uri"})]
Sha256 = Annotated[str, Field(json_schema_extra={"pattern": "^[0-9a-f]{64}$"})]

ProjectId = Annotated[str, Field(description="Id of the project")]
DocumentId = Annotated[str, Field(description="Id of the document")]
ChunkId = Annotated[str, Field(description="Id of the chunk")]
RunId = Annotated[str, Field(description="Id of the run")]
PairId = Annotated[str, Field(description="Id of the pair")]
JobId = Annotated[str, Field(description="Id of the job")]
Created = Annotated[Time, Field(description="When it was created")]
Message = Annotated[str, Field(description="A sentence for people")]
Expires = Annotated[int, Field(description="Seconds for which the URL is valid")]
Total = Annotated[int, Field(description="How many there are on all pages")]
Page = Annotated[int, Field(description="The page that was asked for, from 1")]
PageSize = Annotated[int, Field(description="Entries per page")]
NextCursor = Annotated[str | None, Field(description="Send it as `cursor` for the next page; null: this is the last")]

DocumentStatus = Annotated[str, one_of("pending", "parsing", "parsed", "failed", "deleting")]
RunStatus = Annotated[str, one_of("pending", "parsing", "generating", "validating", "completed", "failed", "cancelled")]
RunKind = Annotated[str, one_of("parse", "generate")]
ReviewStatus = Annotated[str, one_of("pending", "accepted", "rejected", "edited")]
PairType = Annotated[str, one_of("single_turn", "multi_turn")]
Difficulty = Annotated[str, one_of("easy", "medium", "hard")]
Level = Annotated[str, one_of("debug", "info", "warning", "error")]
Mode = Annotated[str, one_of("realtime", "batch")]

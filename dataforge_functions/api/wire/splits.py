"""The parts of an export as JSON."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from dataforge_functions.api.wire.synthetic import SplitName

Shares = Annotated[dict[SplitName, Annotated[int, Field(strict=True, ge=1, le=100)]], Field(min_length=2, max_length=5)]


class SplitFile(BaseModel):
    """One part of an export."""

    s3Key: str
    """Key of its file."""
    pairCount: int
    """Its lines; 0: no group was left for it, and the file is empty."""
    fileSize: int
    """In bytes."""
    downloadUrl: str | None = None
    """Presigned, valid as long as that of the whole; null in lists of versions."""


class SplitLeaks(BaseModel):
    """What two parts have in common, as it was found after they were written; all 0: nothing."""

    documents: int
    """Documents with pairs in two parts, where the parts were made by documents."""
    chunks: int
    """Chunks with pairs in two parts, those of multi-hop pairs among them."""
    similar: int
    """Pairs that are nearly like one of another part; looked for up to 20,000 pairs."""


class ExportSplits(BaseModel):
    """The parts of an export, apart from each other: what is measured on one cannot be learnt from another."""

    by: Literal["documents", "chunks"]
    """What stays together: documents where that comes near the shares, else chunks."""
    groups: int
    """How many groups of pairs could be taken apart."""
    notes: list[str]
    """What a reader should know, such as shares that could not be met."""
    leaks: SplitLeaks
    """What two parts have in common."""
    files: dict[str, SplitFile]
    """By the name of the part."""

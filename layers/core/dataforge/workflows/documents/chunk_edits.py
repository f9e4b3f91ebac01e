"""Chunks under review: correct a passage, note something on it, keep it out of generation."""

from __future__ import annotations

from dataforge import clock, tokens
from dataforge.errors import Invalid
from dataforge.platform.ports import Item
from dataforge.store import chunks
from dataforge.store.chunks import StoredChunk
from dataforge.workflows.documents.parsing import reading_difficulty


def edit(chunk: StoredChunk, *, content: str | None, metadata: Item | None, excluded: bool | None) -> StoredChunk:
    """None leaves a thing as it is; metadata is merged. The id, the pairs made before and the offsets of the original
    passage stay.

    A run that is active reads the text when it asks and when it assesses, so it may meet either wording. Raises
    Invalid for empty text.
    """
    values: Item = {}
    if content is not None:
        if not content.strip():
            raise Invalid("content must not be empty; exclude the chunk to keep it out", field="content")
        values |= {"content": content, "tokens": tokens.count(content), "difficulty": reading_difficulty(content)}
        values["rewritten"] = chunk.rewritten or content != chunk.content
    if metadata is not None:
        values["metadata"] = {**chunk.metadata, **metadata}
    if excluded is not None:
        values["excluded"] = excluded
    return chunks.change(chunk, {**values, "updated_at": clock.now()}) if values else chunk

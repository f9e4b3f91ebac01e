"""The parts of an export (train, validation, ...): a file for each beside the whole, and what they share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from typing import IO

import orjson

from dataforge.errors import Invalid
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.quality import splits
from dataforge.quality.splits import Placed, Splits
from dataforge.store.pairs import Pair
from dataforge.workflows.generation import lineage

FEWEST, MOST = 2, 5
"""Parts of one export."""
SEED = 42
_BLOCK = 1000


def check(shares: Mapping[str, int]) -> None:
    """Raises Invalid. Names and numbers are those of the wire."""
    if not FEWEST <= len(shares) <= MOST or any(share < 1 for share in shares.values()):
        raise Invalid(f"split: name {FEWEST} to {MOST} parts, each with 1 % at least", field="split")
    if sum(shares.values()) != 100:
        raise Invalid(f"split: the percentages must add up to 100, not {sum(shares.values())}", field="split")


def note(pair: Pair, file: IO[bytes]) -> None:
    """What tells where the pair belongs, as a line of the file."""
    further = lineage.further(pair.lineage)
    placed = Placed(
        text=f"{pair.question}\n{pair.answer}",
        documents=(pair.document_id, *(str(f["document_id"]) for f in further if f.get("document_id"))),
        chunks=(pair.chunk_id, *(str(f["chunk_id"]) for f in further)),
    )
    file.write(orjson.dumps(asdict(placed)) + b"\n")


def write(key: str, shares: Mapping[str, int], noted: IO[bytes]) -> Item:
    """key: of the whole export, which is written already, line by line as `noted`. The parts as an export keeps them:
    `by`, `groups`, `notes`, `leaks` and `files`."""

    def records() -> Iterator[Placed]:
        noted.seek(0)
        for line in noted:
            fields = orjson.loads(line)
            yield Placed(fields["text"], tuple(fields["documents"]), tuple(fields["chunks"]))

    made = splits.split(records, shares, SEED)
    files: Item = {name: _write_part(key, made, number) for number, name in enumerate(made.names)}
    found = splits.leaks(records, made)
    return {
        "by": made.by,
        "groups": made.groups,
        "notes": [*made.notes],
        "leaks": asdict(found),
        "files": files,
    }


def part_key(key: str, name: str) -> str:
    """Of the part of that name: `.../dataset.jsonl` -> `.../dataset.train.jsonl`."""
    return f"{key.removesuffix('.jsonl')}.{name}.jsonl"


def _write_part(key: str, made: Splits, number: int) -> Item:
    name = made.names[number]

    def blocks() -> Iterator[bytes]:
        with current().files.open(key) as whole:
            mine = (line for line, part in zip(whole, made.parts, strict=True) if part == number)
            while block := b"".join(islice(mine, _BLOCK)):
                yield block

    own = part_key(key, name)
    info = current().files.write_stream(own, blocks(), content_type="application/x-ndjson")
    return {"s3_key": own, "pair_count": made.count(name), "file_size": info.size}

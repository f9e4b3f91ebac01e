"""What the catalog says of a table and of a function."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

KeyType = Literal["S", "N"]

FREE_DISK_MB = 512
"""Default size of /tmp of a Lambda function."""


@dataclass(frozen=True)
class Index:
    hash_key: str
    range_key: str
    projection: Literal["KEYS_ONLY", "ALL"] = "KEYS_ONLY"


@dataclass(frozen=True)
class Table:
    hash_key: str
    range_key: str | None = None
    range_type: KeyType = "S"
    indexes: dict[str, Index] = field(default_factory=dict)
    ttl: str | None = None
    """The attribute (epoch seconds) after which an item may be removed."""


@dataclass(frozen=True)
class Function:
    handler: str
    memory_mb: int
    timeout_s: int
    layer: Literal["core", "parsing"] = "core"
    reads: tuple[str, ...] = ()
    """Tables it only reads."""
    writes: tuple[str, ...] = ()
    """Tables it reads and writes."""
    files: Literal["none", "read", "write"] = "none"
    folders: tuple[str, ...] = ()
    """Folders of projects whose files it has access to (`sources`, `runs`, ...); empty: all of them."""
    reads_folders: tuple[str, ...] = ()
    """Folders whose files it reads beside those."""
    starts: tuple[str, ...] = ()
    """State machines it starts, and whose executions it looks up and stops."""
    stops: tuple[str, ...] = ()
    """State machines whose executions it looks up and stops, and which it does not start."""
    wakes: tuple[str, ...] = ()
    """State machines whose task tokens it completes."""
    secrets: bool = False
    disk_mb: int = FREE_DISK_MB
    """Size of /tmp: 512 are free, 10,240 are the maximum."""
    models: bool = False
    """Whether it invokes models on Bedrock and SageMaker."""
    jobs: Literal["none", "make", "follow"] = "none"
    """Whether it creates batch jobs on Bedrock, or reads and stops them; both find one by its name."""
    training: Literal["none", "start", "follow"] = "none"
    """Whether it creates training jobs on SageMaker (and passes them their role), or reads and stops them."""
    inference: Literal["none", "invoke", "manage"] = "none"
    """Whether it wakes and asks trained models (endpoints of SageMaker, imported models of Bedrock), or also makes and
    removes what answers with them."""

"""Bodies of uploaded training data (contract D)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from dataforge_functions.api.wire import fields
from dataforge_functions.api.wire.bodies import Body
from dataforge_functions.api.wire.limits import NotBoolean, Text, example

FileName = Annotated[str, Text(1, 500)]


class DatasetValidation(BaseModel):
    """Whether a file can be trained on."""

    valid: bool
    """Every line that was read can be, and there are at least 10."""
    errors: list[str]
    """What is wrong, each entry with its line; at most 100."""
    error_count: int
    """Lines that are wrong, also those that are not listed."""
    unchecked: int
    """Lines of a very large file that were counted only: a training reads them all."""


class DatasetUploaded(BaseModel):
    """A file to train on, as it was checked."""

    status: Literal["uploaded"] = "uploaded"
    """The file is kept, also if it is not valid."""
    filename: str
    """What to write as `dataset`; a file of this name is replaced."""
    num_examples: int
    """Lines that are not blank."""
    validation: DatasetValidation
    """What was found in its lines."""
    shapes: dict[str, int]
    """Shape of lines -> how many have it."""


class TrainingDataset(BaseModel):
    """An uploaded file."""

    filename: str
    """What to write as `dataset`."""
    num_examples: int
    """Lines that are not blank."""
    size_mb: float
    """In millions of bytes."""
    uploaded_at: fields.Time
    """When it was last uploaded."""
    valid: bool
    """Whether it can be trained on."""
    shapes: dict[str, int]
    """Shape of lines -> how many have it."""


class TrainingDatasets(BaseModel):
    """Uploaded files, the newest first."""

    datasets: list[TrainingDataset]
    """All of the organisation."""


class AnnounceDatasetUpload(Body):
    """A file that is too large for the request, or may be."""

    model_config = example(filename="dataset.jsonl", size_bytes=52_000_000)

    filename: FileName
    """What the dataset will be called."""
    size_bytes: Annotated[int, NotBoolean(), Field(ge=1, le=10**15)] | None = None
    """Its size: then exactly so many bytes are taken."""


class DatasetUploadAddress(BaseModel):
    """Where a large file goes."""

    upload_url: fields.Link
    """PUT the file here, as it is."""
    complete_url: fields.Link
    """Then POST here, so that the file is checked."""
    upload_id: str
    """Id of the upload."""
    filename: str
    """What the dataset will be called."""
    expires_in: fields.Expires = 3600


class CompleteDatasetUpload(Body):
    """May be left out."""

    model_config = example(filename="dataset.jsonl")

    filename: FileName | None = None
    """What the dataset is called, if not as it was announced."""


class DatasetDeleted(BaseModel):
    """A file that is gone."""

    status: Literal["deleted"] = "deleted"
    """Models that were trained on it stay."""
    message: fields.Message = "Dataset deleted successfully"

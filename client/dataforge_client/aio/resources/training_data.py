"""Files to train on."""

from __future__ import annotations

import uuid
from contextlib import closing
from functools import partial

from dataforge_client.aio import files
from dataforge_client.aio.api_resource import ApiResource
from dataforge_client.aio.runtime import in_thread
from dataforge_client.api_request import ApiRequest, FormFile, expect_object, path_segment, without_none
from dataforge_client.decoding import decode, decode_list
from dataforge_client.file_types import OnBytes
from dataforge_client.training_models import (
    DatasetDeleted,
    DatasetUploadTarget,
    TrainingDataset,
    UploadedDataset,
)
from dataforge_client.upload_source import Content, open_source

INLINE_LIMIT = 4 * 2**20
"""Bytes of a file that is sent in one request; a larger one goes to a signed URL."""
UPLOAD_PATH, DATASETS_PATH = "/api/upload_dataset", "/api/datasets"
JSONL = "application/jsonl"


class TrainingData(ApiResource):
    async def upload_dataset(
        self, filename: str, content: bytes, *, idempotency_key: str | None = None
    ) -> UploadedDataset:
        """Upload JSON lines in one request; a file of the same name is replaced. `upload_training_file` takes large
        files too. The answer says which lines cannot be trained on: then `validation.valid` is false."""
        form = FormFile(filename, content, JSONL)
        call = ApiRequest("POST", UPLOAD_PATH, key=idempotency_key or uuid.uuid4().hex, file=form)
        return decode(UploadedDataset, await self._transport.json(call))

    async def create_dataset_upload_url(
        self, filename: str, *, size_bytes: int | None = None, idempotency_key: str | None = None
    ) -> DatasetUploadTarget:
        """Where to PUT a file of any size; then call `complete_dataset_upload`."""
        body = without_none(filename=filename, size_bytes=size_bytes)
        return decode(DatasetUploadTarget, await self._post(f"{UPLOAD_PATH}/url", body, key=idempotency_key, base=""))

    async def complete_dataset_upload(
        self, upload_id: str, *, filename: str | None = None, idempotency_key: str | None = None
    ) -> UploadedDataset:
        """Check a file that was PUT to the URL, as `upload_dataset` does. filename: another name than announced."""
        path = f"{UPLOAD_PATH}/{path_segment(upload_id)}/complete"
        body = without_none(filename=filename)
        return decode(UploadedDataset, await self._post(path, body or None, key=idempotency_key, base=""))

    async def upload_training_file(
        self, file: Content, *, name: str | None = None, on_bytes: OnBytes | None = None
    ) -> UploadedDataset:
        """Upload JSON lines of any size under a name [default: the file's]; a file of the same name is replaced.

        file: a path, bytes, or a file opened in binary mode; of more than INLINE_LIMIT bytes it is streamed to a signed
        URL. Raises ValueError for bytes without a name, OSError for a file that cannot be read.
        """
        with closing(await in_thread(partial(open_source, file, name))) as source:
            if source.size <= INLINE_LIMIT:
                await in_thread(source.rewind)
                content = await in_thread(partial(source.file.read, source.size))
                uploaded = await self.upload_dataset(source.name, content)
                if on_bytes:
                    on_bytes(source.size)
                return uploaded
            target = await self.create_dataset_upload_url(source.name, size_bytes=source.size)
            await files.upload(self._transport, target.upload_url, source, content_type=JSONL, on_bytes=on_bytes)
        return await self.complete_dataset_upload(target.upload_id)

    async def list_training_datasets(self) -> list[TrainingDataset]:
        """The uploaded files, newest first."""
        response = expect_object(await self._get(DATASETS_PATH, base=""))
        return decode_list(TrainingDataset, response.get("datasets"))

    async def delete_training_dataset(self, filename: str) -> DatasetDeleted:
        """Delete an uploaded file; models that were trained on it stay."""
        return decode(DatasetDeleted, await self._delete(f"{DATASETS_PATH}/{path_segment(filename)}", base=""))

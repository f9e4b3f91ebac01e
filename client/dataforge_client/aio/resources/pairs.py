"""Pairs: list, edit, trace, and bulk actions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from dataforge_client.aio.api_resource import ApiResource, iterate_pages
from dataforge_client.api_request import PAGE_SIZE, decode_page, path_segment, project_path, query_params, without_none
from dataforge_client.decoding import decode
from dataforge_client.literals import BulkAction, Difficulty, PairStatus, PairType
from dataforge_client.models import Page, Pair
from dataforge_client.reviews import BulkResult, Undone
from dataforge_client.traces import Trace


class Pairs(ApiResource):
    async def list_pairs(
        self,
        project_id: str,
        *,
        page: int = 1,
        page_size: int = 50,
        status: PairStatus | None = None,
        generation_id: str | None = None,
        search: str | None = None,
        document_id: str | None = None,
        chunk_id: str | None = None,
        min_quality_score: float | None = None,
        max_quality_score: float | None = None,
        is_duplicate: bool | None = None,
        type: PairType | None = None,
        complexity_level: Difficulty | None = None,
        flagged: bool | None = None,
        flag: str | None = None,
    ) -> Page[Pair]:
        """Filters are combined with AND. search: text in the question or the answer. flagged: by any check; flag: by
        this one."""
        query = query_params(
            page=page,
            page_size=page_size,
            status=status,
            generation_id=generation_id,
            search=search,
            document_id=document_id,
            chunk_id=chunk_id,
            min_quality_score=min_quality_score,
            max_quality_score=max_quality_score,
            is_duplicate=is_duplicate,
            type=type,
            complexity_level=complexity_level,
            flagged=flagged,
            flag=flag,
        )
        return decode_page(Pair, "pairs", await self._get(f"{project_path(project_id)}/pairs", query))

    def iter_pairs(
        self,
        project_id: str,
        *,
        status: PairStatus | None = None,
        generation_id: str | None = None,
        search: str | None = None,
        document_id: str | None = None,
        chunk_id: str | None = None,
        min_quality_score: float | None = None,
        max_quality_score: float | None = None,
        is_duplicate: bool | None = None,
        type: PairType | None = None,
        complexity_level: Difficulty | None = None,
        flagged: bool | None = None,
        flag: str | None = None,
    ) -> AsyncIterator[Pair]:
        """Every pair that matches the filters of `list_pairs`."""
        return iterate_pages(
            lambda n: self.list_pairs(
                project_id,
                page=n,
                page_size=PAGE_SIZE,
                status=status,
                generation_id=generation_id,
                search=search,
                document_id=document_id,
                chunk_id=chunk_id,
                min_quality_score=min_quality_score,
                max_quality_score=max_quality_score,
                is_duplicate=is_duplicate,
                type=type,
                complexity_level=complexity_level,
                flagged=flagged,
                flag=flag,
            )
        )

    async def update_pair(
        self,
        pair_id: str,
        *,
        input_text: str | None = None,
        output_text: str | None = None,
        status: PairStatus | None = None,
        metadata: Mapping[str, object] | None = None,
        revision: str | None = None,
    ) -> Pair:
        """revision: that of the pair you read; raises Conflict (`REVISION_CONFLICT`) if it was changed since."""
        body = without_none(
            input_text=input_text, output_text=output_text, status=status, metadata=metadata, revision=revision
        )
        return decode(Pair, await self._put(f"/pairs/{path_segment(pair_id)}", body))

    async def trace_pair(self, pair_id: str) -> Trace:
        """The reply, call, chunk and document of a pair, and which of them have changed or are deleted."""
        return decode(Trace, await self._get(f"/pairs/{path_segment(pair_id)}/trace"))

    async def bulk_action(
        self,
        project_id: str,
        action: BulkAction,
        *,
        pair_ids: Sequence[str] | None = None,
        filters: Mapping[str, object] | None = None,
        include_flagged: bool | None = None,
        include_rejected: bool | None = None,
        include_duplicates: bool | None = None,
        idempotency_key: str | None = None,
    ) -> BulkResult:
        """accept, reject, delete or reset pairs: either `pair_ids` or `filters`.

        filters: as in `list_pairs`; `{}` means all pairs. To accept by filters leaves out pairs that a check flags or
        rejected, and duplicates (`left_out` says how many), unless they are included.
        """
        body = without_none(
            action=action,
            pair_ids=None if pair_ids is None else list(pair_ids),
            filters=filters,
            include_flagged=include_flagged,
            include_rejected=include_rejected,
            include_duplicates=include_duplicates,
        )
        path = f"{project_path(project_id)}/pairs/bulk-action"
        return decode(BulkResult, await self._post(path, body, key=idempotency_key))

    async def undo_bulk_action(self, project_id: str, undo_token: str, *, idempotency_key: str | None = None) -> Undone:
        """Undo a bulk action; pairs that were changed after it stay as they are."""
        path = f"{project_path(project_id)}/pairs/bulk-action/undo"
        return decode(Undone, await self._post(path, {"undo_token": undo_token}, key=idempotency_key))

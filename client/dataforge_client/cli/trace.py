"""`dataforge trace`: the origin of a pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dataforge_client.cli.connection import ConnectionOptions, connect, connection_options
from dataforge_client.cli.formatting import exact_money, findings_text, one_line, time_text
from dataforge_client.cli.tables import json_option, print_json
from dataforge_client.cli.terminal import echo

if TYPE_CHECKING:
    from dataforge_client.reviews import PairFlag
    from dataforge_client.traces import Trace, TraceChunk, TraceDocument, TraceEvidence

WIDTH = 96


@click.command("trace")
@click.argument("pair_id")
@connection_options
@json_option
def command(pair_id: str, as_json: bool, connection: ConnectionOptions) -> None:
    """Show the document, passage, call, cost and reply of a pair, and which of them have changed or are deleted."""
    with connect(connection) as forge:
        trace = forge.trace_pair(pair_id)
    if as_json:
        print_json(trace.raw)
        return
    for line in trace_lines(trace):
        echo(line)


def trace_lines(trace: Trace) -> list[str]:
    shown = [
        f"pair      {trace.pair_id}  {trace.status}  {time_text(trace.created_at)}",
        f"  Q  {one_line(trace.question, WIDTH)}",
        f"  A  {one_line(trace.answer, WIDTH)}",
        *(_finding_text("flagged", f) for f in trace.flags),
        *(_finding_text("rejected" if f.outcome == "reject" else "flagged", f) for f in trace.rejected_by),
        *(_evidence_text(e) for e in trace.evidence),
        *_call_lines(trace),
        *_reply_lines(trace),
        *_origin_lines(trace.chunk, trace.document),
        *(line for origin in trace.further for line in _origin_lines(origin.chunk, origin.document)),
    ]
    return shown + [f"note      {note}" for note in trace.notes]


def _finding_text(what: str, found: PairFlag) -> str:
    return f"  !  {what}: {findings_text([found])}{f'. {found.detail}' if found.detail else ''}"


def _evidence_text(e: TraceEvidence) -> str:
    location = f"chunk {f'{e.chunk_id} ' if e.chunk_id else ''}{e.start}-{e.end}"
    if e.document_start is not None:
        location += f", document {e.document_start}-{e.document_end}"
    verified = {True: " (verified)", False: " (NO LONGER IN THE DOCUMENT)", None: ""}[e.holds]
    return f"  =  {one_line(e.text, WIDTH)}\n     {location}{verified}"


def _call_lines(trace: Trace) -> list[str]:
    lineage = trace.lineage
    if lineage is None:
        return [f"call      {trace.model_id or 'unknown teacher'}"]
    requested = f" (requested: {trace.model_id})" if trace.model_id not in (None, lineage.teacher) else ""
    call = lineage.call
    batch_job = f"  batch job {lineage.job}" if lineage.job else ""
    return [
        f"call      {lineage.teacher}{requested}  attempt {lineage.attempt} of {call.attempts}"
        f"  {time_text(lineage.answered_at)}{batch_job}",
        f"  prompt sha256 {lineage.prompt_hash}",
        f"  share  {lineage.input_tokens:,} tokens in, {lineage.output_tokens:,} out, {exact_money(lineage.cost_usd)}",
        f"  call   {call.input_tokens:,} tokens in, {call.output_tokens:,} out, {exact_money(call.cost_usd)}"
        f" for {call.slots} pair{'s' if call.slots != 1 else ''}",
    ]


def _reply_lines(trace: Trace) -> list[str]:
    reply = trace.reply
    if not reply.kept:
        return [f"reply     {reply.key or 'unknown'}  no longer kept"]
    text = one_line(reply.text or "", WIDTH)
    return [f"reply     {reply.key}  {reply.finish_reason}  kept until {time_text(reply.expires_at)}", f"  {text}"]


def _origin_lines(chunk: TraceChunk, document: TraceDocument) -> list[str]:
    heading = "  " + " > ".join(chunk.heading_path) if chunk.heading_path else ""
    page = f"  page {chunk.page_number}" if chunk.page_number else ""
    return [
        f"chunk     {chunk.chunk_id}  {chunk.state.replace('_', ' ')}{page}{heading}",
        f"document  {document.document_id}  {document.state}  {document.name or ''}".rstrip(),
        *([f"  sha256 {document.checksum}"] if document.checksum else []),
        *([f"  {document.url}"] if document.url else []),
    ]

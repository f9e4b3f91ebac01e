"""`dataforge trace`: where a pair comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dataforge_client.cli.connection import Place, connect, place_options
from dataforge_client.cli.tables import json_option, show_json
from dataforge_client.cli.texts import exact_money, one_line

if TYPE_CHECKING:
    from dataforge_client.traces import Trace, TraceChunk, TraceDocument, TraceEvidence

WIDTH = 96


@click.command("trace")
@click.argument("pair_id")
@place_options
@json_option
def command(pair_id: str, as_json: bool, place: Place) -> None:
    """Show the document, passage, call, cost and reply behind a pair, and what of them is gone."""
    with connect(place) as forge:
        found = forge.trace_pair(pair_id)
    if as_json:
        show_json(found.raw)
        return
    for line in lines(found):
        click.echo(line)


def lines(found: Trace) -> list[str]:
    shown = [
        f"pair      {found.pair_id}  {found.status}  {found.created_at}",
        f"  Q  {one_line(found.question, WIDTH)}",
        f"  A  {one_line(found.answer, WIDTH)}",
        *(_evidence(e) for e in found.evidence),
        *_call(found),
        *_reply(found),
        *_place(found.chunk, found.document),
        *(line for origin in found.further for line in _place(origin.chunk, origin.document)),
    ]
    return shown + [f"note      {note}" for note in found.notes]


def _evidence(e: TraceEvidence) -> str:
    place = f"chunk {f'{e.chunk_id} ' if e.chunk_id else ''}{e.start}-{e.end}"
    if e.document_start is not None:
        place += f", document {e.document_start}-{e.document_end}"
    held = {True: " (verified)", False: " (NO LONGER THERE)", None: ""}[e.holds]
    return f"  =  {one_line(e.text, WIDTH)}\n     {place}{held}"


def _call(found: Trace) -> list[str]:
    known = found.lineage
    if known is None:
        return [f"call      {found.model_id or 'unknown teacher'}"]
    asked = f" (asked for: {found.model_id})" if found.model_id not in (None, known.teacher) else ""
    call = known.call
    job = f"  batch job {known.job}" if known.job else ""
    return [
        f"call      {known.teacher}{asked}  attempt {known.attempt} of {call.attempts}  {known.answered_at}{job}",
        f"  prompt sha256 {known.prompt_hash}",
        f"  share  {known.input_tokens:,} tokens in, {known.output_tokens:,} out, {exact_money(known.cost_usd)}",
        f"  call   {call.input_tokens:,} tokens in, {call.output_tokens:,} out, {exact_money(call.cost_usd)}"
        f" for {call.slots} pair{'s' if call.slots != 1 else ''}",
    ]


def _reply(found: Trace) -> list[str]:
    reply = found.reply
    if not reply.kept:
        return [f"reply     {reply.key or 'unknown'}  no longer kept"]
    text = one_line(reply.text or "", WIDTH)
    return [f"reply     {reply.key}  {reply.finish_reason}  kept until {reply.expires_at}", f"  {text}"]


def _place(chunk: TraceChunk, document: TraceDocument) -> list[str]:
    heading = "  " + " > ".join(chunk.heading_path) if chunk.heading_path else ""
    page = f"  page {chunk.page_number}" if chunk.page_number else ""
    return [
        f"chunk     {chunk.chunk_id}  {chunk.state.replace('_', ' ')}{page}{heading}",
        f"document  {document.document_id}  {document.state}  {document.name or ''}".rstrip(),
        *([f"  sha256 {document.checksum}"] if document.checksum else []),
        *([f"  {document.url}"] if document.url else []),
    ]

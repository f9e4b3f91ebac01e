"""Progress pushed over the deployed WebSocket API, to who may see the run and to nobody else."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from dataforge_client import DataForge
from tests.support.deployment import Deployed

pytestmark = pytest.mark.deploy
TEXT = b"# Harbour\n\nA berth is a place at the quay where a vessel may lie.\n"


async def listened(address: str, key: str, data_forge: DataForge, project_id: str) -> list[dict[str, Any]]:
    """What a client receives that subscribes to a parse as soon as it has its id, until the run is over."""
    heard: list[dict[str, Any]] = []
    async with aiohttp.ClientSession() as session, session.ws_connect(address, headers={"X-API-Key": key}) as socket:
        started = await asyncio.to_thread(data_forge.parse, project_id)
        await socket.send_json({"action": "subscribe", "topic": started.generation_id})
        async with asyncio.timeout(60):
            while not any(m.get("status") in ("completed", "failed") for m in heard):
                heard.append(json.loads((await socket.receive()).data))
    return heard


# checklist 171
async def test_a_client_receives_the_progress_of_its_run(deployed: Deployed) -> None:
    address = deployed.bed.socket(deployed.outputs["SocketUrl"])
    with deployed.client() as data_forge:
        project_id = data_forge.create_project("Heard").project_id
        place = data_forge.create_upload_url(project_id, "a.md", content_type="text/markdown", file_size=len(TEXT))
        async with aiohttp.ClientSession() as session:
            await session.put(place.upload_url, data=TEXT, headers={"Content-Type": "text/markdown"})
        data_forge.register_document(project_id, "a.md", place.s3_key, len(TEXT))

        heard = await listened(address, deployed.outputs["api_key"], data_forge, project_id)

    assert (heard[0]["type"], heard[0]["action"]) == ("answer", "subscribe")
    assert {message["topic"] for message in heard} == {heard[0]["topic"]}
    assert heard[-1]["status"] == "completed"


async def test_without_a_key_there_is_no_connection(deployed: Deployed) -> None:
    address = deployed.bed.socket(deployed.outputs["SocketUrl"])

    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(address, headers={"X-API-Key": "sk_wrong"})


async def test_anothers_run_looks_like_none(deployed: Deployed) -> None:
    address = deployed.bed.socket(deployed.outputs["SocketUrl"])

    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(address, headers={"X-API-Key": deployed.outputs["api_key"]}) as socket,
    ):
        await socket.send_json({"action": "subscribe", "topic": "gen_01m89h2sfn5mqkndj1ts6zbv9g"})
        answer = json.loads((await socket.receive(timeout=20)).data)

    assert answer["code"] == "NOT_FOUND"

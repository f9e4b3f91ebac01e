"""A model hub, as far as a push needs it: the protocol of huggingface.co, which other servers speak as well.

    POST /api/repos/create                       the repository; 409: it exists
    POST /api/models/<repo>/preupload/main       which files go to the large file storage
    POST /<repo>.git/info/lfs/objects/batch      where to put them (git-lfs, basic or multipart)
    POST /api/models/<repo>/commit/main          one commit of all files, as JSON lines

The client of the hub (huggingface_hub) would bring a transfer engine and a second HTTP stack for these four calls.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from dataforge.errors import Conflict, Invalid
from dataforge.log import redact

if TYPE_CHECKING:
    import aiohttp

REFUSED = "HUB_REFUSED"
SAMPLE_BYTES = 512
"""Of each file: the hub decides by it whether the file is text."""
PREUPLOAD_FILES = 200
LFS_JSON = "application/vnd.git-lfs+json"


@dataclass(frozen=True, slots=True)
class HubFile:
    path: str
    """In the repository."""
    source: Path | bytes

    @property
    def size(self) -> int:
        return len(self.source) if isinstance(self.source, bytes) else self.source.stat().st_size

    def parts(self, start: int = 0, length: int | None = None, *, step: int = 1 << 20) -> Iterator[bytes]:
        if isinstance(self.source, bytes):
            yield self.source[start : None if length is None else start + length]
            return
        with self.source.open("rb") as file:
            file.seek(start)
            left = self.size - start if length is None else length
            while left > 0 and (part := file.read(min(step, left))):
                left -= len(part)
                yield part

    def sha256(self) -> str:
        digest = hashlib.sha256()
        for part in self.parts():
            digest.update(part)
        return digest.hexdigest()


class Hub:
    """url: of the hub. token: with the right to write. session: the caller closes it."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        self._session, self._url = session, url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}

    async def whoami(self) -> str:
        """The name of the account that the token belongs to."""
        return str((await self._json("GET", "/api/whoami-v2"))["name"])

    async def create(self, repo: str, *, private: bool) -> None:
        """repo: `owner/name`. One that exists stays as it is."""
        owner, _, name = repo.partition("/")
        me = await self.whoami()
        body: dict[str, Any] = {"name": name, "type": "model", "private": private}
        if owner != me:
            body["organization"] = owner
        await self._json("POST", "/api/repos/create", body, also=(409,))

    async def commit(self, repo: str, files: list[HubFile], *, summary: str) -> str:
        """The address of the commit. Large files go to where the hub wants them first."""
        large = await self._large(repo, files)
        digests = {f.path: f.sha256() for f in files if f.path in large}
        await self._upload(repo, [f for f in files if f.path in large], digests)
        lines: list[dict[str, Any]] = [{"key": "header", "value": {"summary": summary, "description": ""}}]
        for file in files:
            if file.path in large:
                value = {"path": file.path, "algo": "sha256", "oid": digests[file.path], "size": file.size}
                lines.append({"key": "lfsFile", "value": value})
            else:
                content = base64.b64encode(b"".join(file.parts())).decode()
                lines.append({"key": "file", "value": {"content": content, "path": file.path, "encoding": "base64"}})
        body = b"".join(orjson.dumps(line) + b"\n" for line in lines)
        headers = {**self._headers, "Content-Type": "application/x-ndjson"}
        answer = await self._send("POST", f"{self._url}/api/models/{_path(repo)}/commit/main", headers, body)
        return str(answer.get("commitUrl") or f"{self._url}/{repo}")

    async def _large(self, repo: str, files: list[HubFile]) -> set[str]:
        large: set[str] = set()
        for at in range(0, len(files), PREUPLOAD_FILES):
            some = files[at : at + PREUPLOAD_FILES]
            asked = [{"path": f.path, "size": f.size, "sample": base64.b64encode(_first(f)).decode()} for f in some]
            path = f"/api/models/{_path(repo)}/preupload/main"
            answer = await self._json("POST", path, {"files": asked})
            large |= {str(f["path"]) for f in answer["files"] if f["uploadMode"] == "lfs"}
        return large

    async def _upload(self, repo: str, files: list[HubFile], digests: dict[str, str]) -> None:
        if not files:
            return
        objects = [{"oid": digests[f.path], "size": f.size} for f in files]
        body = {"operation": "upload", "transfers": ["basic", "multipart"], "objects": objects, "hash_algo": "sha256"}
        headers = {**self._headers, "Content-Type": LFS_JSON, "Accept": LFS_JSON}
        url = f"{self._url}/{_path(repo)}.git/info/lfs/objects/batch"
        answer = await self._send("POST", url, headers, orjson.dumps(body))
        places = {str(o["oid"]): o for o in answer["objects"]}
        for file in files:
            place = places[digests[file.path]]
            if "error" in place:
                raise Conflict(f"The hub does not take {file.path}: {place['error'].get('message')}", code=REFUSED)
            actions = place.get("actions") or {}
            if "upload" in actions:  # else the hub has the file already
                await self._put(file, actions["upload"], digests[file.path])
            if "verify" in actions:
                verify = orjson.dumps({"oid": digests[file.path], "size": file.size})
                own = {**self._headers, "Content-Type": LFS_JSON, "Accept": LFS_JSON}
                await self._send("POST", actions["verify"]["href"], own, verify)

    async def _put(self, file: HubFile, upload: dict[str, Any], oid: str) -> None:
        """To an address that is signed: the token stays here."""
        given: dict[str, str] = dict(upload.get("header") or {})
        size = int(given.pop("chunk_size", 0))
        if not size:
            await self._put_part(upload["href"], file, 0, file.size, given)
            return
        urls = [given[number] for number in sorted((n for n in given if n.isdigit()), key=int)]
        parts = [
            {"partNumber": n + 1, "etag": await self._put_part(url, file, n * size, size, {})}
            for n, url in enumerate(urls)
        ]
        done = orjson.dumps({"oid": oid, "parts": parts})
        await self._send("POST", upload["href"], {"Content-Type": LFS_JSON, "Accept": LFS_JSON}, done)

    async def _put_part(self, url: str, file: HubFile, start: int, length: int, headers: dict[str, str]) -> str:
        length = min(length, file.size - start)

        async def content() -> Any:
            for part in file.parts(start, length):
                yield part

        sent = {**headers, "Content-Length": str(length)}
        async with self._session.put(url, data=content() if length else b"", headers=sent) as response:
            if response.status >= 300:
                raise Conflict(
                    f"The storage of the hub does not take {file.path} (HTTP {response.status})", code=REFUSED
                )
            return response.headers.get("ETag", "")

    async def _json(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, also: tuple[int, ...] = ()
    ) -> dict[str, Any]:
        headers = {**self._headers, "Content-Type": "application/json"}
        data = None if body is None else orjson.dumps(body)
        return await self._send(method, f"{self._url}{path}", headers, data, also=also)

    async def _send(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None, *, also: tuple[int, ...] = ()
    ) -> dict[str, Any]:
        """also: statuses beside 2xx that are fine. Raises Invalid for a token that the hub does not accept, Conflict
        for everything else that it refuses."""
        async with self._session.request(method, url, headers=headers, data=body) as response:
            raw = await response.read()
            if response.status in also:
                return {}
            if response.status in (401, 403):
                raise Invalid(
                    f"The hub does not accept the token (HTTP {response.status}): set HF_TOKEN to one that may write "
                    "to this repository",
                    field="repo_name",
                    code=REFUSED,
                )
            if response.status >= 300:
                said = redact(raw[:300].decode("utf-8", "replace"))
                raise Conflict(f"The hub refuses {method} {_plain(url)} (HTTP {response.status}): {said}", code=REFUSED)
        found = orjson.loads(raw) if raw.strip().startswith(b"{") else {}
        return found if isinstance(found, dict) else {}


def _first(file: HubFile) -> bytes:
    return next(file.parts(0, SAMPLE_BYTES), b"")


def _path(repo: str) -> str:
    return quote(repo, safe="/")


def _plain(url: str) -> str:
    """Without what signs it."""
    return url.partition("?")[0]

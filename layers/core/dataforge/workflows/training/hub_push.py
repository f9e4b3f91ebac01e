"""Push a trained model to a model hub, with its card, when the operator has set a token (HF_TOKEN)."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from dataforge import log, settings
from dataforge.errors import Conflict, Invalid, NotConfigured
from dataforge.platform import current
from dataforge.store import trained_models
from dataforge.store.trained_models import TrainedModel
from dataforge.teachers import trained_catalogue
from dataforge.workflows.training.background import Background
from dataforge.workflows.training.hub_client import REFUSED, Hub, HubFile

TOKEN = "HF_TOKEN"  # noqa: S105  the name of the secret
HOLDER, HOLD_SECONDS = "push", 6 * 3600
WAIT_SECONDS = 20.0
"""How long a request waits for the end of a push."""
_REPO = re.compile(r"(?:[A-Za-z0-9][\w.-]{0,95}/)?[A-Za-z0-9][\w.-]{0,95}", re.ASCII)

_pushes: Background[str] = Background()


def push(org_id: str, model_id: int, repo: str, *, private: bool) -> str | None:
    """The address of the commit; None: it is still being uploaded, ask again.

    repo: `owner/name`; the owner may be left out. Raises NotFound, Invalid, NotConfigured without a token, Conflict
    (HUB_REFUSED).
    """
    model = trained_models.get(org_id, model_id)
    token = current().secrets.get(TOKEN)
    if not token:
        raise NotConfigured(
            f"There is no token for the model hub here: set {TOKEN} where the server runs, to one that may write"
        )
    log.hide(token)
    folder = current().inference.folder(trained_catalogue.served(model))
    if not _REPO.fullmatch(repo):
        raise Invalid("repo_name must look like owner/name: letters, digits, `-`, `_` and `.`", field="repo_name")
    job = lambda: _push(model, folder, repo, token, private=private)  # noqa: E731  begun by the first request only
    return _pushes.result(f"{org_id} {model_id} {repo}", job, wait=WAIT_SECONDS)


def _push(model: TrainedModel, folder: Path, repo: str, token: str, *, private: bool) -> str:
    trained_models.hold(model, HOLDER, HOLD_SECONDS)
    try:
        return asyncio.run(_upload(model, folder, repo, token, private=private))
    finally:
        trained_models.release(model, HOLDER)


async def _upload(model: TrainedModel, folder: Path, repo: str, token: str, *, private: bool) -> str:
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=None, connect=20, sock_read=120)
    try:
        async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as session:
            hub = Hub(session, settings.get().hub_url, token)
            if "/" not in repo:
                repo = f"{await hub.whoami()}/{repo}"
            await hub.create(repo, private=private)
            summary = f"{model.name}: {model.base_model}, fine-tuned by {model.strategy}"
            return await hub.commit(repo, _files(model, folder), summary=summary)
    except (aiohttp.ClientError, TimeoutError, OSError) as problem:
        message = log.redact(str(problem)) or type(problem).__name__
        raise Conflict(f"The hub cannot be reached: {message}", code=REFUSED) from None


def _files(model: TrainedModel, folder: Path) -> list[HubFile]:
    """The whole weights with tokenizer and chat template, and the card."""
    merged = folder / "merged"
    found = [HubFile(str(p.relative_to(merged)), p) for p in sorted(merged.rglob("*")) if p.is_file()]
    return [*(f for f in found if f.path != "README.md"), HubFile("README.md", model.card.encode())]

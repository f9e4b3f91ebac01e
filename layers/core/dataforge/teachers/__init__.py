"""Teachers by name: `extractive`, `openai:gpt-4o`, `bedrock:amazon.nova-lite-v1:0`; `gpt-4o` or `fast` too.

A new provider is one module, one entry in PROVIDERS and one in MISSING.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from dataforge import log, settings
from dataforge.errors import Invalid
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.store import spending
from dataforge.teachers import catalogue, trained_catalogue
from dataforge.teachers.catalogue import Catalogue, Model, has_own_server, region
from dataforge.teachers.jobs import BatchJobs
from dataforge.teachers.ports import Capabilities, JobLimits, Teacher
from dataforge.teachers.prices import Price

if TYPE_CHECKING:
    from dataforge.teachers.bedrock import Bedrock
    from dataforge.teachers.openai_compatible import OpenAICompatible


@dataclass(frozen=True, slots=True)
class TeacherEntry:
    """One entry of `available-models`."""

    id: str
    name: str
    provider: str


def _extractive(_: Model) -> Teacher:
    from dataforge.teachers.extractive import ExtractiveTeacher

    return ExtractiveTeacher()


def _templated(_: Model) -> Teacher:
    from dataforge.teachers.templated import TemplatedTeacher

    return TemplatedTeacher()


def _scripted(_: Model) -> Teacher:
    from dataforge.teachers.scripted import from_file

    return from_file(os.environ.get("DATAFORGE_SCRIPT", ""))


def _openai(model: Model) -> Teacher:
    if model.base_url:
        return _chat(model, model.base_url, current().secrets.get(model.key) if model.key else None, model.price)
    return _chat(model, settings.get().teacher_base_url, current().secrets.get("OPENAI_API_KEY"), model.price)


def _ollama(model: Model) -> Teacher:
    return _chat(model, model.base_url or settings.get().ollama_base_url, None, model.price or Price(0.0, 0.0))


def _chat(model: Model, base_url: str, key: str | None, price: Price | None) -> Teacher:
    from dataforge.teachers.openai_compatible import OpenAICompatible

    log.hide(key)  # servers repeat it in their error messages
    return OpenAICompatible(
        model.backend,
        model.model,
        base_url=base_url,
        api_key=key,
        price=price,
        timeout=_timeout(),
        can=replace(model.can, batch=_limits(model)),
    )


def _anthropic(model: Model) -> Teacher:
    from dataforge.teachers.anthropic import Anthropic

    key = current().secrets.get(model.key or "ANTHROPIC_API_KEY") or ""
    log.hide(key)
    return Anthropic(
        model.backend,
        model.model,
        base_url=model.base_url or settings.get().anthropic_base_url,
        api_key=key,
        price=model.price,
        timeout=_timeout(),
        can=model.can,
    )


def _bedrock(model: Model) -> Teacher:
    from dataforge.teachers.bedrock import Bedrock

    s, key = settings.get(), current().secrets.get("AWS_BEARER_TOKEN_BEDROCK")
    log.hide(key)
    return Bedrock(
        model.backend,
        model.model,
        region=region(),
        base_url=model.base_url or s.bedrock_base_url or None,
        key=key,
        price=model.price,
        timeout=_timeout(),
        can=replace(model.can, batch=_limits(model)),
    )


def _sagemaker(model: Model) -> Teacher:
    from dataforge.teachers.sagemaker import SageMaker

    s = settings.get()
    return SageMaker(
        model.backend,
        model.model,
        region=region(),
        base_url=model.base_url or s.sagemaker_base_url or None,
        price=model.price,
        timeout=min(70.0, _timeout()),
        can=model.can,
    )


def _trained(model: Model) -> Teacher:
    from dataforge.teachers.trained import Trained

    if model.org_id is None:  # every model of `resolve` has one
        raise Invalid(f"{model.id} is no model of an organization", field="model_id", code="UNKNOWN_TEACHER")
    return Trained(model.backend, model.org_id, int(model.model), timeout=_timeout(), can=model.can)


PROVIDERS: dict[str, Callable[[Model], Teacher]] = {
    "extractive": _extractive,
    "templated": _templated,
    "scripted": _scripted,
    "openai": _openai,
    "ollama": _ollama,
    "anthropic": _anthropic,
    "bedrock": _bedrock,
    "sagemaker": _sagemaker,
    trained_catalogue.PROVIDER: _trained,
}


def _openai_jobs(model: Model, teacher: Teacher, learnt: Item) -> BatchJobs:
    from dataforge.teachers.openai_batch import OpenAIJobs

    return OpenAIJobs(cast("OpenAICompatible", teacher), model.price.batched if model.price else None, learnt)


def _bedrock_jobs(model: Model, teacher: Teacher, learnt: Item) -> BatchJobs:
    from dataforge.platform.aws.s3 import S3Files
    from dataforge.teachers.aws_call import AwsCall
    from dataforge.teachers.bedrock_batch import BatchLocation, BedrockJobs

    s, platform = settings.get(), current()
    is_ours = platform.name == "aws" and s.batch_bucket in ("", s.bucket)
    bucket = s.batch_bucket or s.bucket
    call = AwsCall(
        model.backend,
        _timeout(),
        service="bedrock",
        region=region(),
        base_url=model.base_url or s.bedrock_base_url or f"https://bedrock.{region()}.amazonaws.com",
        key=current().secrets.get("AWS_BEARER_TOKEN_BEDROCK"),
    )
    return BedrockJobs(
        cast("Bedrock", teacher),
        model.price.batched if model.price else None,
        learnt,
        call=call,
        place=BatchLocation(bucket, s.batch_role, platform.files if is_ours else S3Files(bucket), is_ours),
    )


JOBS: dict[str, Callable[[Model, Teacher, Item], BatchJobs]] = {"openai": _openai_jobs, "bedrock": _bedrock_jobs}
"""The batch API of a provider; its limits are `Capabilities.batch` of the teacher."""
LIMITS: dict[str, JobLimits] = {
    "openai": JobLimits(least=1, most=50_000, bytes=200 * 10**6),
    "bedrock": JobLimits(least=100, most=50_000, bytes=10**9),
}
"""Of one job: OpenAI's limits, and the default quotas of most models on Bedrock (one input file: 1 GB)."""


def _limits(model: Model) -> JobLimits | None:
    return LIMITS.get(model.provider)


_FREE = ("extractive", "templated", "scripted", "ollama", trained_catalogue.PROVIDER)
_NEED_NO_MODEL = ("extractive", "templated", "scripted")


def _openai_missing() -> str | None:
    if has_own_server() or current().secrets.get("OPENAI_API_KEY"):
        return None
    return "a key: set OPENAI_API_KEY where the server runs, or OPENAI_BASE_URL for a server of your own"


def _anthropic_missing() -> str | None:
    if current().secrets.get("ANTHROPIC_API_KEY"):
        return None
    return "a key: set ANTHROPIC_API_KEY where the server runs"


def _aws_missing() -> str | None:
    """Without a call to AWS: a deployment has a role; elsewhere the environment or a file must hold credentials."""
    variables = (
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    )
    if current().name != "aws" and not any(map(os.environ.get, variables)):
        path = os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")
        if not Path(path).expanduser().exists():
            return "AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    return None if region() else "a region: set AWS_REGION"


def _bedrock_missing() -> str | None:
    if current().secrets.get("AWS_BEARER_TOKEN_BEDROCK"):
        return None if region() else "a region: set AWS_REGION"
    return _aws_missing()


MISSING: dict[str, Callable[[], str | None]] = {
    "openai": _openai_missing,
    "anthropic": _anthropic_missing,
    "bedrock": _bedrock_missing,
    "sagemaker": _aws_missing,
    trained_catalogue.PROVIDER: lambda: current().inference.missing(),
}
"""What a provider needs and does not have here, as a text that says what to set; None, or no entry: nothing."""


def _bedrock_jobs_missing() -> str | None:
    """S3 does not accept a Bedrock API key."""
    s = settings.get()
    if not s.batch_role or not (s.batch_bucket or s.bucket):
        return (
            "a bucket and a role that Bedrock takes to read and write there: set DATAFORGE_BATCH_BUCKET and "
            "DATAFORGE_BATCH_ROLE (docs/batch.md has the role)"
        )
    return _aws_missing()


JOBS_MISSING: dict[str, Callable[[], str | None]] = {"bedrock": _bedrock_jobs_missing}
"""The same for its batch jobs."""


def resolve(name: str, *, org_id: str | None = None) -> Model:
    """The model that a name means here. Raises Invalid (field model_id) for an unknown name, for what is not set up,
    and for what the organisation may not use."""
    models = catalogue.load(org_id)
    model = models.find(name, _runs_here) or Model(name, name.partition(":")[2] or name, name)
    if model.provider == trained_catalogue.PROVIDER:  # whatever a layer says of it, it must be the organisation's own
        model = replace(trained_catalogue.find(model.backend, org_id), price=model.price or trained_catalogue.FREE)
    elif model.provider not in PROVIDERS and org_id is not None:
        model = trained_catalogue.named(name, org_id) or model
    if model.provider not in PROVIDERS or (not model.model and model.provider not in _NEED_NO_MODEL):
        raise Invalid(_unknown(name, models), field="model_id", code="UNKNOWN_TEACHER")
    missing = None if model.base_url else MISSING.get(model.provider, lambda: None)()
    if missing:
        raise Invalid(f"{model.backend} needs {missing}", field="model_id", code="TEACHER_NOT_CONFIGURED")
    if org_id is not None:
        _check_allowed(model, spending.limits_of(org_id))
    return _priced(model)


def _priced(model: Model) -> Model:
    """With the price of the settings, where no other is known. Raises Invalid where that is no price."""
    s = settings.get()
    if model.price is not None or not (s.price_in or s.price_out) or model.provider in _FREE:
        return model
    try:
        price = Price(float(s.price_in), float(s.price_out))
    except ValueError:
        price = Price(-1.0, -1.0)
    if not (0 <= price.input < math.inf and 0 <= price.output < math.inf):
        raise Invalid(
            "DATAFORGE_PRICE_IN and DATAFORGE_PRICE_OUT must both be dollars per million tokens, such as 0.15"
        )
    return replace(model, price=price)


def _check_allowed(model: Model, limits: spending.Limits) -> None:
    """Raises Invalid for a model that the operator has not allowed; the offline ones cost nothing and ask nobody."""
    if limits.models is None or model.provider in _NEED_NO_MODEL or limits.allows(model.backend, model.id):
        return
    allowed = ", ".join(limits.models) or "none but the offline ones"
    raise Invalid(
        f"The operator does not allow {model.backend} to this organization; allowed: {allowed}",
        field="model_id",
        code="MODEL_NOT_ALLOWED",
    )


def build(model: Model) -> Teacher:
    return PROVIDERS[model.provider](model)


def batch_jobs(model: Model, teacher: Teacher, learnt: Item) -> BatchJobs:
    """teacher: of the model; the client closes it. learnt: see `jobs.BatchJobs.learnt`; empty at first."""
    return JOBS[model.provider](model, teacher, learnt)


def batch_jobs_lack(model: Model) -> str | None:
    """What the batch API of a provider needs and does not have here; None: nothing."""
    return JOBS_MISSING.get(model.provider, lambda: None)()


def teacher(name: str, *, org_id: str | None = None) -> Teacher:
    """Raises as `resolve` says."""
    return build(resolve(name, org_id=org_id))


def available(org_id: str | None = None) -> list[TeacherEntry]:
    """What this deployment can run now and the organisation may use, the offline teacher first."""
    limits = spending.Limits("") if org_id is None else spending.limits_of(org_id)
    found = [TeacherEntry("extractive", "Extractive (offline, no key)", "built-in")]
    known = _listed(catalogue.load(org_id))
    if org_id is not None and MISSING[trained_catalogue.PROVIDER]() is None:
        known += trained_catalogue.listed(org_id)
    found += [TeacherEntry(m.id, m.name, m.provider) for m in known if limits.allows(m.backend, m.id)]
    for name in filter(limits.allows, filter(None, (n.strip() for n in settings.get().teachers.split(",")))):
        found.append(TeacherEntry(name, name.partition(":")[2] or name, name.partition(":")[0]))
    return list({e.id: e for e in found}.values())


def _listed(known: Catalogue) -> list[Model]:
    """Another server behind OPENAI_BASE_URL has none of OpenAI's models, unless an entry has a base_url."""
    has_other_server = has_own_server()
    models = known.list(lambda b: _runs_here(b) and not (has_other_server and b.startswith("openai:")))
    with_address = [m for m in (known.find(i, _runs_here) for i in known.models) if m is not None and m.base_url]
    return list({m.id: m for m in [*models, *with_address]}.values())


def _unknown(name: str, known: Catalogue) -> str:
    ids = ", ".join(["extractive", *(m.id for m in _listed(known))])
    forms = ", ".join(f"{p}:<model>" for p in PROVIDERS if p not in _NEED_NO_MODEL)
    return f"model_id {name!r} names no teacher. Available here: {ids}; also {forms}"


def _runs_here(backend: str) -> bool:
    provider = backend.partition(":")[0]
    return provider in PROVIDERS and MISSING.get(provider, lambda: None)() is None


def _timeout() -> float:
    return float(settings.get().teacher_timeout)


__all__ = [
    "BatchJobs",
    "Capabilities",
    "Model",
    "Teacher",
    "TeacherEntry",
    "available",
    "batch_jobs",
    "batch_jobs_lack",
    "build",
    "catalogue",
    "resolve",
    "teacher",
]

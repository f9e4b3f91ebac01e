"""Settings that differ between deployments; everything else in the templates is the same."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dataforge_infra.catalog import FUNCTIONS

NAME = re.compile(r"[a-z][a-z0-9]{0,15}")
"""Of a stage. No hyphen: the names of one stage would begin with the prefix of another one."""


IMAGE = re.compile(
    r"(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]{1,32})\.amazonaws\.com(?:\.cn)?/(?P<name>[a-z0-9/._-]{2,256})"
    r"(?::[A-Za-z0-9_.-]{1,128})?(?:@sha256:[0-9a-f]{64})?"
)
"""Address of a container image in ECR."""


def _no_text() -> Mapping[str, str]:
    return {}


def _no_numbers() -> Mapping[str, int]:
    return {}


@dataclass(frozen=True)
class Stage:
    name: str
    requests_per_second: int
    """Steady rate limit of the API for all callers together; beyond it and `burst` they get 429."""
    burst: int
    log_days: int
    """How long logs are kept: one of LOG_DAYS."""
    waf: bool
    """A web ACL that blocks an address above `requests_per_address`: 6 USD a month and 0.60 a million requests."""
    snap_start: bool = False
    """Restore the API function from a snapshot instead of starting it cold. The kept snapshot is paid per GB and
    second: about 3.95 USD a month for the 1 GB function, whether used or not."""
    dashboard: bool = False
    """A page of graphs: 3 USD a month, unless it is one of the account's first three and shows at most 50 metrics."""
    trace: bool = True
    tracer: bool = False
    """Functions other than `api` record their AWS calls in X-Ray (Powertools Tracer, whose SDK AWS only maintains).
    Without it X-Ray still has a record for each request, execution and invocation."""
    requests_per_address: int = 3000
    """In five minutes, with `waf`."""
    alarm_email: str | None = None
    """Receives alarms and budget notifications; AWS asks the address to confirm."""
    alarm_topic_arn: str | None = None
    """An SNS topic of yours that receives the alarms; it must allow CloudWatch to publish."""
    budget_usd: float | None = None
    """Mail at 80 % and 100 % of this much a month, and when the forecast passes it; counts what carries our tag."""
    models: tuple[str, ...] | None = None
    """Models of Bedrock that the functions may invoke: ids (`amazon.nova-lite-v1:0`, `eu.anthropic...`) or ARNs; None:
    all, and the organisations' allow-lists alone decide."""
    endpoints: tuple[str, ...] | None = None
    """SageMaker endpoints that they may invoke, by name; None: all of the account and region."""
    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may call the API."""
    domain: str | None = None
    """Host name of the API, with `certificate_arn` (ACM, same region)."""
    certificate_arn: str | None = None
    kms_key_arn: str | None = None
    """Customer managed key that encrypts tables, files, queues and function settings; its policy must let this account
    use it by IAM. None: keys that AWS owns."""
    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    """Of a VPC: every function gets a network interface there. The subnets need a way to the AWS services used."""
    permissions_boundary: str | None = None
    """ARN of a managed policy that limits every role of the stacks."""
    tags: Mapping[str, str] = field(default_factory=_no_text)
    """On every resource, beside `application` and `stage`."""
    waf_managed_rules: bool = False
    """Rules of AWS in the web ACL: addresses of bad reputation and known bad inputs; 1 USD a month each."""
    reserved_concurrency: Mapping[str, int] = field(default_factory=_no_numbers)
    """Function -> invocations at once, taken out of the account's limit."""
    backup: bool = False
    """AWS Backup copies tables and files every day and keeps the copies for 35 days, in a vault of its own."""
    training: bool = False
    """Make a repository of container images and a project that builds the training images in the account. Both cost
    nothing but the storage of the images."""
    training_image: str | None = None
    """A ready training image in a repository of ECR, in the place of the one that is built."""
    gateway_log_role: bool = False
    """Make the account's role for logs of API Gateway in the service stack. It is one setting for the whole region of
    an account; `dataforge deploy` makes it outside of the stacks where it is missing."""
    settings: Mapping[str, str] = field(default_factory=_no_text)
    """Environment variable -> value, for every function."""
    options: Mapping[str, str] = field(default_factory=_no_text)
    """The options as they were given; the service stack shows them as its output DeployOptions, from which the next
    `dataforge deploy` takes what is not given again."""

    @property
    def prefix(self) -> str:
        """Prefix of every name that must be known before the resource exists."""
        return f"dataforge-{self.name}-"

    @property
    def trains(self) -> bool:
        """Whether models can be trained: there is an image for it, or a way to build one."""
        return self.training or bool(self.training_image)


PRESETS = {
    stage.name: stage
    for stage in (
        Stage("dev", requests_per_second=50, burst=100, log_days=14, waf=False),
        Stage("prod", requests_per_second=500, burst=1000, log_days=90, waf=True),
    )
}
"""A stage of any other name begins with the values of `dev`."""


def preset(name: str) -> Stage:
    """The stage of this name before any option. Raises ValueError for a name that cannot be one."""
    if not NAME.fullmatch(name):
        raise ValueError(
            f"-c stage={name}: a stage is named by up to 16 lower-case letters and digits, a letter first, such as prod"
        )
    return PRESETS.get(name) or replace(PRESETS["dev"], name=name)


def _switch(text: str) -> bool:
    if text not in ("yes", "no"):
        raise ValueError("say yes or no")
    return text == "yes"


LOG_DAYS = (7, 14, 30, 90, 365)


def _log_days(text: str) -> int:
    if text not in map(str, LOG_DAYS):
        raise ValueError(f"choose one of {', '.join(map(str, LOG_DAYS))}")
    return int(text)


def _dollars(text: str) -> float:
    amount = float(text)
    if not amount > 0:
        raise ValueError("must be above 0")
    return amount


def _count(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise ValueError("must be a whole number above 0")
    return int(text)


def _arn(text: str) -> str:
    if not re.fullmatch(r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:\S+", text):
        raise ValueError("must be an ARN, such as arn:aws:kms:eu-west-1:111122223333:key/1234abcd")
    return text


def _image(text: str) -> str:
    if not IMAGE.fullmatch(text):
        raise ValueError(
            "must be an image in ECR, such as 111122223333.dkr.ecr.eu-west-1.amazonaws.com/training:2026-11: SageMaker "
            "takes no other"
        )
    return text


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _pairs(text: str) -> dict[str, str]:
    found = [pair.partition("=") for pair in _names(text)]
    if not all(key and equals for key, equals, _ in found):
        raise ValueError("must be a list such as team=search,cost-center=42")
    return {key: value for key, _, value in found}


def _concurrency(text: str) -> dict[str, int]:
    found = {name: _count(number) for name, number in _pairs(text).items()}
    unknown = [name for name in found if name not in FUNCTIONS]
    if unknown:
        raise ValueError(f"there is no function {unknown[0]}; the functions are {', '.join(FUNCTIONS)}")
    return found


def _allowed(text: str) -> tuple[str, ...]:
    """Comma separated; `none`: not a single one."""
    if not re.fullmatch(r"[\w.:/*,\s-]+", text):
        raise ValueError("say names with commas between them, or none")
    return () if text.strip() == "none" else tuple(name.strip() for name in text.split(",") if name.strip())


OPTIONS: dict[str, Callable[[str], object]] = {
    "waf": _switch,
    "waf_managed_rules": _switch,
    "snap_start": _switch,
    "tracer": _switch,
    "dashboard": _switch,
    "alarm_email": str,
    "alarm_topic_arn": _arn,
    "budget_usd": _dollars,
    "models": _allowed,
    "endpoints": _allowed,
    "cors_origins": _allowed,
    "domain": str,
    "certificate_arn": _arn,
    "requests_per_address": _count,
    "requests_per_second": _count,
    "burst": _count,
    "log_days": _log_days,
    "kms_key_arn": _arn,
    "subnet_ids": _names,
    "security_group_ids": _names,
    "permissions_boundary": _arn,
    "tags": _pairs,
    "reserved_concurrency": _concurrency,
    "backup": _switch,
    "training": _switch,
    "training_image": _image,
    "gateway_log_role": _switch,
}
"""`-c name=value` -> how to read it into the Stage; docs/deploy.md lists them."""

FIXED_SETTINGS = frozenset(
    {
        "DATAFORGE_BUCKET",
        "DATAFORGE_TABLE_PREFIX",
        "DATAFORGE_SOCKET_URL",
        "DATAFORGE_STAGE",
        "DATAFORGE_TRACER",
        "DATAFORGE_WORKERS",
        "DATAFORGE_RESULTS_DAYS",
        "DATAFORGE_TRAINING_ROLE",
        "DATAFORGE_TRAINING_IMAGE",
        "DATAFORGE_TRAINING_IMAGE_UNSLOTH",
        "DATAFORGE_TRAINING_SUBNETS",
        "DATAFORGE_TRAINING_SECURITY_GROUPS",
        "DATAFORGE_TRAINING_KMS_KEY",
        "MODELFORGE_ANONYMOUS",
    }
)
"""Settings that the templates give the functions themselves, by the resources beside them, and one that opens the
training API to everybody, which nobody wants of a deployment."""

SETTING = re.compile(r"DATAFORGE_[A-Z_]+|(OPENAI|OLLAMA|ANTHROPIC)_BASE_URL|HF_ENDPOINT|REQUIRE_VERIFIED_EMAIL")
"""Names of settings (docs/settings.md), any of which may be an option: `-c DATAFORGE_CONCURRENCY=16`."""

MANAGED_RULES = ("AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesKnownBadInputsRuleSet")
"""Rule groups of AWS for `waf_managed_rules` that do not look at what customers write. The core rule set is not among
them: it refuses bodies above 8 KB, and texts that speak of code."""

OTHER_CONTEXT = ("stage", "layers")
"""Plain names in the context that are no options of a stage."""

BELONG_TOGETHER = (("domain", "certificate_arn"), ("subnet_ids", "security_group_ids"))


def chosen(context: Mapping[str, object]) -> Stage:
    """context: of the app. Raises ValueError naming the option and the way out."""
    name = str(context.get("stage"))
    _refuse_unknown(context)
    given = {key: str(value) for key, value in context.items() if key in OPTIONS or SETTING.fullmatch(key)}
    values: dict[str, Any] = {}
    for option, text in given.items():
        if option in FIXED_SETTINGS:
            raise ValueError(f"-c {option}={text}: the deployment sets it by itself")
        if option in OPTIONS:
            try:
                values[option] = OPTIONS[option](text)
            except ValueError as problem:
                raise ValueError(f"-c {option}={text}: {problem}") from None
    settings = {key: text for key, text in given.items() if key not in OPTIONS}
    stage = replace(preset(name), **values, settings=settings, options=given)
    if stage.budget_usd and not stage.alarm_email:
        raise ValueError("-c budget_usd needs -c alarm_email=you@example.com: notifications need an address")
    if stage.waf_managed_rules and not stage.waf:
        raise ValueError("-c waf_managed_rules needs -c waf=yes: the rules stand in the web ACL")
    for one, other in BELONG_TOGETHER:
        if bool(getattr(stage, one)) != bool(getattr(stage, other)):
            raise ValueError(f"-c {one} and -c {other} belong together")
    return stage


def _refuse_unknown(context: Mapping[str, object]) -> None:
    """A misspelt option would be no option at all. Names with `:`, `@` or `/` belong to the CDK."""
    known = (*OPTIONS, *OTHER_CONTEXT)
    for name in context:
        if re.fullmatch(r"\w+", name) and name not in known and not SETTING.fullmatch(name):
            near = difflib.get_close_matches(name, known, 1)
            raise ValueError(f"-c {name}: there is no such option" + (f"; did you mean {near[0]}?" if near else ""))

"""`python -m dataforge_infra.local.admin (--home DIR | --stage NAME) org create NAME` and others that need no API key.

It works on the tables of a data folder (also while a server serves it) or of a deployment. The command `dataforge`
starts it; anyone with access to the folder, or with permissions in the account, may use it.

One JSON line on stdout: the result, or `{"error": {"code", "message"}}` and exit code 1.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import os
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from dataforge import clock, ids, platform, settings
from dataforge.errors import DataForgeError, Invalid, NotFound
from dataforge.platform.ports import Item
from dataforge.store import api_keys, ledger, members, organisations, schema, spending
from dataforge_infra.stages import preset

Arguments = argparse.Namespace
ALL_WORK = [s for s in api_keys.SCOPES if s != api_keys.ADMIN]


def connect(arguments: Arguments) -> None:
    """Set the backend of this process to the data folder or the deployment."""
    if arguments.home is not None:
        from dataforge_infra.local import home as data_folder
        from dataforge_infra.local.platform import build

        home = arguments.home.resolve()
        if (arguments.thing, arguments.verb) != ("org", "create") and not data_folder.is_used(home):
            raise NotFound(f"{home} is no data folder of dataforge: `dataforge up` or `dataforge run` makes one")
        data_folder.make_private(home)
        data_folder.check(home)
        platform.use(build(home, base_url=lambda: "", invoke=_never))
        return
    try:
        stage = preset(arguments.stage)
    except ValueError as problem:
        raise Invalid(str(problem), field="stage") from None
    os.environ["DATAFORGE_TABLE_PREFIX"] = stage.prefix
    os.environ.setdefault("DATAFORGE_BUCKET", "none")  # no command reads or writes a file
    settings.get.cache_clear()
    from dataforge.platform.aws import build as build_aws

    platform.use(build_aws())


def _never(function: str, _event: Item, _timeout_s: float) -> Item:
    raise RuntimeError(f"The operator's tool runs no state machines ({function})")


def create_org(arguments: Arguments) -> object:
    """With its first owner, and a key with the scope admin."""
    if not 1 <= len(arguments.name.strip()) <= 200:
        raise Invalid("An organization needs a name of 1 to 200 characters", field="name")
    org_id, user_id = organisations.create(
        arguments.name.strip(), user_id=arguments.user, email=arguments.email, user_name=arguments.owner
    )
    made: dict[str, object] = {"organization_id": org_id, "name": arguments.name.strip(), "user_id": user_id}
    if arguments.no_key:
        return made
    key, secret = api_keys.create(org_id, user_id, name="first key", scopes=[api_keys.ADMIN], created_by="operator")
    return {**made, "key_id": key.key_id, "key": secret}


def list_orgs(_: Arguments) -> object:
    return [{"organization_id": o.org_id, "name": o.name, "created_at": o.created_at} for o in organisations.list_all()]


def create_key(arguments: Arguments) -> object:
    org_id = _org(arguments)
    scopes = arguments.scope or ALL_WORK
    api_keys.check_scopes(scopes)
    owners = [m for m in members.of_organisation(org_id) if m.role == "owner"]
    user_id = arguments.user or owners[0].user_id
    if api_keys.ADMIN in scopes and members.get(org_id, user_id).role != "owner":
        raise Invalid("Only an owner's key may have the scope admin", field="scopes")
    key, secret = api_keys.create(org_id, user_id, name=arguments.name, scopes=scopes, created_by="operator")
    return {**_key(key), "organization_id": org_id, "key": secret}


def list_keys(arguments: Arguments) -> object:
    return [_key(k) for k in api_keys.of_organisation(_org(arguments))]


def revoke_key(arguments: Arguments) -> object:
    return {"message": f"API key {arguments.id} revoked", **_key(api_keys.revoke(_org(arguments), arguments.id))}


def add_member(arguments: Arguments) -> object:
    member = members.Member(
        org_id=_org(arguments),
        user_id=arguments.user or ids.new("user"),
        role=arguments.role,
        name=arguments.name,
        email=arguments.email,
        email_verified=not arguments.unverified,
        created_at=clock.now(),
    )
    return _member(members.add(member))


def list_members(arguments: Arguments) -> object:
    return [_member(m) for m in members.of_organisation(_org(arguments))]


def verify_member(arguments: Arguments) -> object:
    return _member(members.verify_email(_org(arguments), arguments.id))


def remove_member(arguments: Arguments) -> object:
    revoked = members.remove(_org(arguments), arguments.id)
    return {"message": f"Member {arguments.id} removed", "user_id": arguments.id, "revoked_keys": revoked}


def show_account(arguments: Arguments) -> object:
    account = ledger.account_of(_org(arguments))
    usage = ledger.usage_of(account.org_id, ledger.month())
    return {
        "organization_id": account.org_id,
        "plan": account.plan,
        "balance_usd": _dollars(account.balance),
        "reserved_usd": _dollars(account.reserved),
        "quota_records": account.quota / ledger.UNITS,
        "quota_used": usage.used / ledger.UNITS,
    }


def top_up(arguments: Arguments) -> object:
    ledger.top_up(_org(arguments), _micro(arguments.dollars), note=arguments.note)
    return show_account(arguments)


def set_plan(arguments: Arguments) -> object:
    ledger.set_plan(_org(arguments), arguments.plan, quota_records=arguments.records)
    return show_account(arguments)


def limits(arguments: Arguments) -> object:
    """Shows them; first sets what is given."""
    known = spending.limits_of(_org(arguments))
    changed = known
    if arguments.model or arguments.any_model or arguments.no_model:
        changed = dataclasses.replace(changed, models=None if arguments.any_model else arguments.model)
    if arguments.monthly_budget is not None or arguments.no_monthly_budget:
        budget = None if arguments.no_monthly_budget else _micro(arguments.monthly_budget)
        changed = dataclasses.replace(changed, monthly_budget=budget)
    if changed != known:
        spending.put_limits(changed)
    month = ledger.month()
    use, budget = spending.use_of(known.org_id, month), changed.monthly_budget
    return {
        "organization_id": known.org_id,
        "models": changed.models,
        "monthly_budget_usd": None if budget is None else _dollars(budget),
        "period": month,
        "spent_usd": _dollars(use.spent),
        "reserved_usd": _dollars(use.held),
        "available_usd": None if budget is None else _dollars(max(0, budget - use.spent - use.held)),
    }


def _micro(dollars: str) -> int:
    try:
        micro = Decimal(dollars) * 1_000_000
    except ArithmeticError:
        raise Invalid(f"{dollars!r} is no amount of dollars", field="amount") from None
    if not micro.is_finite() or micro != int(micro):
        raise Invalid("The amount has at most six decimals", field="amount")
    return int(micro)


def _dollars(micro: int) -> float:
    return float(Decimal(micro) / 1_000_000)


COMMANDS: dict[str, dict[str, Callable[[Arguments], object]]] = {
    "org": {"create": create_org, "list": list_orgs},
    "key": {"create": create_key, "list": list_keys, "revoke": revoke_key},
    "member": {"add": add_member, "list": list_members, "verify": verify_member, "remove": remove_member},
    "ledger": {"show": show_account, "top-up": top_up, "plan": set_plan, "limits": limits},
}


def _org(arguments: Arguments) -> str:
    """The id from --org, that of the folder's credentials, or that of the only organisation."""
    if arguments.org:
        return organisations.get(arguments.org).org_id
    if arguments.home is not None and (arguments.home / "credentials.json").exists():
        return str(json.loads((arguments.home / "credentials.json").read_text("utf-8"))["organization_id"])
    there = organisations.list_all()
    if len(there) != 1:
        raise Invalid(f"There are {len(there)} organizations: name one with --org", field="org")
    return there[0].org_id


def _key(key: api_keys.ApiKey) -> dict[str, object]:
    """As the API returns it."""
    fields = dataclasses.asdict(key)
    names = ("name", "prefix", "scopes", "user_id", "created_at", "last_used_at")
    return {"id": key.key_id, **{name: fields[name] for name in names}}


def _member(member: members.Member) -> dict[str, object]:
    fields = dataclasses.asdict(member)
    return {name: fields[name] for name in ("user_id", "name", "email", "email_verified", "role", "created_at")}


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m dataforge_infra.local.admin")
    where = made.add_mutually_exclusive_group(required=True)
    where.add_argument("--home", type=Path, help="data folder of a one-machine server")
    where.add_argument("--stage", help="stage of a deployment; region and credentials come from the environment")
    things = made.add_subparsers(dest="thing", required=True)
    for thing, verbs in COMMANDS.items():
        actions = things.add_parser(thing).add_subparsers(dest="verb", required=True)
        for verb in verbs:
            _arguments(actions.add_parser(verb), thing, verb)
    return made


def _arguments(of: argparse.ArgumentParser, thing: str, verb: str) -> None:
    if verb in ("revoke", "remove", "verify"):
        of.add_argument("id")
    if thing != "org":
        of.add_argument("--org")
    if verb == "top-up":
        of.add_argument("dollars")
        of.add_argument("--note")
    if verb == "plan":
        of.add_argument("plan", choices=ledger.PLANS)
        of.add_argument("--records", type=int, help="a month, on the plan quota")
    if verb == "limits":
        models, budget = of.add_mutually_exclusive_group(), of.add_mutually_exclusive_group()
        models.add_argument("--model", action="append", default=[], help="a model that runs may ask; `*`: any text")
        models.add_argument("--any-model", action="store_true")
        models.add_argument("--no-model", action="store_true", help="only the offline teachers")
        budget.add_argument("--monthly-budget", metavar="DOLLARS")
        budget.add_argument("--no-monthly-budget", action="store_true")
    if verb in ("create", "add"):
        of.add_argument("--user", help="an id of your own for the person")
    if (thing, verb) == ("org", "create"):
        of.add_argument("name")
        of.add_argument("--owner", help="name of the first member")
        of.add_argument("--email")
        of.add_argument("--no-key", action="store_true")
    if (thing, verb) == ("key", "create"):
        of.add_argument("--name", default="key")
        of.add_argument("--scope", action="append", default=[])
    if (thing, verb) == ("member", "add"):
        of.add_argument("--name")
        of.add_argument("--email")
        of.add_argument("--role", choices=("owner", "member"), default="member")
        of.add_argument("--unverified", action="store_true", help="the email address is not verified yet")


def main(argv: list[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    try:
        connect(arguments)
        schema.check()
        print(json.dumps(COMMANDS[arguments.thing][arguments.verb](arguments)))
    except DataForgeError as problem:
        return _print_error(problem.code, problem.message)
    except Exception as problem:  # AWS errors have many classes
        return _print_error(type(problem).__name__, str(problem))
    return 0


def _print_error(code: str, message: str) -> int:
    print(json.dumps({"error": {"code": code, "message": message}}))
    return 1


if __name__ == "__main__":
    logging.disable(logging.INFO)  # the result goes to stdout
    os.umask(0o077)  # what is written is for this user only, as by the server
    sys.exit(main())

"""`python -m infra.deploy deploy|destroy|doctor`: progress on stderr, one JSON line with the result on stdout."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from infra.deploy import data, rights
from infra.deploy.account import Account, DeployError, find
from infra.deploy.assembly import stacks
from infra.deploy.assets import upload
from infra.deploy.stacks import Stacks
from infra.stages import STAGES


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def deploy(arguments: argparse.Namespace) -> dict[str, object]:
    account = find(arguments.region)
    stage = STAGES[arguments.stage]
    say(f"Deploying stage {stage.name} to account {account.id}, {account.region}, as {account.user}")
    data.refuse_newer(stage.prefix, account.region, say)
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.assembly or _synthesised(Path(scratch), arguments)
        outputs = deploy_stacks(account, folder)
    data.upgrade_schema(outputs, prefix=stage.prefix, region=account.region, say=say)
    result: dict[str, object] = {"event": "deployed", "stage": stage.name, "region": account.region, **outputs}
    if arguments.first_key:
        from infra.deploy import first_key

        result["organization_id"], result["api_key"] = first_key.create(
            outputs, prefix=stage.prefix, region=account.region, organization=arguments.first_key
        )
    return result


def deploy_stacks(account: Account, folder: Path) -> dict[str, str]:
    """Deploys every stack of the assembly; returns the outputs of all."""
    deployer = Stacks(account, say)
    outputs: dict[str, str] = {}
    for stack in stacks(folder, account=account.id, region=account.region):
        upload(account, [*stack.assets, stack.template], say)
        changed = deployer.deploy(stack)
        say(f"{stack.name}: {'done' if changed else 'nothing to change'}")
        outputs |= deployer.outputs(stack.name)
    return outputs


def _synthesised(folder: Path, arguments: argparse.Namespace) -> Path:
    from infra.app import build

    context: dict[str, str | list[str]] = dict(pair.split("=", 1) for pair in arguments.context)
    return Path(build({**context, "stage": arguments.stage}, str(folder)).synth().directory)


def destroy(arguments: argparse.Namespace) -> dict[str, object]:
    """The service; the data stack too when asked, and even then its tables and bucket stay (they are retained)."""
    account = find(arguments.region)
    deployer, prefix = Stacks(account, say), STAGES[arguments.stage].prefix
    gone = [name for name in (f"{prefix}service",) if deployer.delete(name)]
    if arguments.data:
        gone += [name for name in (f"{prefix}data",) if deployer.delete(name, unprotect=True)]
    return {"event": "destroyed", "stage": arguments.stage, "region": account.region, "stacks": gone}


def doctor(arguments: argparse.Namespace) -> dict[str, object]:
    from infra.deploy import checkup

    account, prefix = find(arguments.region), STAGES[arguments.stage].prefix
    if arguments.policy:
        return _write_policies(account, prefix, arguments.policy)
    found = checkup.examine(account, prefix=prefix)
    for one in found:
        say(f"{one.state:<8} {one.what}: {one.detail}")
    bad = [one.what for one in found if one.state == checkup.BAD]
    if bad:
        raise DeployError(f"A deployment would fail: {', '.join(bad)}")
    return {"event": "examined", "ok": True}


def _write_policies(account: Account, prefix: str, folder: Path) -> dict[str, object]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, needed in rights.POLICIES.items():
        document = rights.policy(needed, account=account.id, region=account.region, prefix=prefix)
        path = folder / f"{name}.json"
        path.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
        say(f"aws iam create-policy --policy-name {name} --policy-document file://{path}")
    say("Attach both to the user or role that deploys.")
    return {"event": "written", "policies": [f"{name}.json" for name in rights.POLICIES]}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.deploy", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, run in (("deploy", deploy), ("destroy", destroy), ("doctor", doctor)):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        command.add_argument("--stage", choices=list(STAGES), default="dev")
        command.add_argument("--region", help="else AWS_REGION, or the region of your AWS profile")
        if name == "deploy":
            command.add_argument("-c", "--context", action="append", default=[], metavar="KEY=VALUE")
            command.add_argument("--assembly", type=Path, help="deploy what `make synth` wrote there")
            command.add_argument("--first-key", metavar="NAME", help="make an organisation of this name and its key")
        elif name == "doctor":
            command.add_argument("--policy", type=Path, help="write the policies of whoever deploys into this folder")
        elif name == "destroy":
            command.add_argument("--data", action="store_true", help="the data stack too; its tables and files stay")
    return parser


def main() -> int:
    arguments = _parser().parse_args()
    try:
        print(json.dumps(arguments.run(arguments)), flush=True)
    except (DeployError, ValueError) as problem:
        say(f"Error: {problem}")
        return 1
    return 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONSAFEPATH", "1")
    sys.exit(main())

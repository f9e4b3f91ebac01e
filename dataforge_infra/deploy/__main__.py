"""`python -m dataforge_infra.deploy deploy|destroy|doctor|images`: progress on stderr, the result as a JSON line on
stdout."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from dataforge_infra.deploy import data, gateway_logs, images, kept_options, rights
from dataforge_infra.deploy.account import Account, DeployError, find
from dataforge_infra.deploy.assembly import Stack, stacks
from dataforge_infra.deploy.assets import upload
from dataforge_infra.deploy.diff import changes
from dataforge_infra.deploy.stacks import Stacks
from dataforge_infra.stages import Stage, preset

MOST_LINES = 60
"""Of the changes that are shown; --diff returns all."""


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def deploy(arguments: argparse.Namespace) -> dict[str, object]:
    account = find(arguments.region)
    stage = preset(arguments.stage)
    _refuse_other_account(arguments, account)
    say(f"Deploying stage {stage.name} to account {account.id}, {account.region}, as {account.user}")
    data.refuse_newer(stage.prefix, account.region, say)
    deployer = Stacks(account, say)
    with tempfile.TemporaryDirectory() as scratch:
        options = _options(arguments, deployer, stage)
        folder = arguments.assembly or _synthesised(Path(scratch), {**options, "stage": stage.name})
        wanted = stacks(folder, account=account.id, region=account.region, partition=account.partition)
        changed = _changes(deployer, wanted)
        if arguments.diff:
            return {"event": "compared", "stage": stage.name, "region": account.region, "changes": changed}
        _confirm(arguments)
        if options.get("gateway_log_role") != "yes":
            gateway_logs.ensure(account, say)
        outputs = deploy_stacks(account, deployer, wanted)
    data.upgrade_schema(outputs, prefix=stage.prefix, region=account.region, say=say)
    if not {"alarm_email", "alarm_topic_arn"} & {*options} and not arguments.assembly:
        say("Nobody receives the alarms: deploy again with -c alarm_email=you@example.com or -c alarm_topic_arn=ARN")
    result: dict[str, object] = {
        "event": "deployed",
        "stage": stage.name,
        "account": account.id,
        "region": account.region,
        **outputs,
    }
    result |= _first_key(arguments, account, stage, outputs)
    return {**result, **_first_image(account, outputs)}


def _refuse_other_account(arguments: argparse.Namespace, account: Account) -> None:
    """The profile that will be written must not mix two deployments."""
    for what, saved, found in (
        ("account", arguments.saved_account, account.id),
        ("region", arguments.saved_region, account.region),
    ):
        if saved and saved != found:
            raise DeployError(
                f"The profile is of the deployment in {what} {saved}, and this one would be in {found}: pass "
                "--profile NAME for a profile of its own, or change your AWS credentials or --region"
            )


def _options(arguments: argparse.Namespace, deployer: Stacks, stage: Stage) -> dict[str, str]:
    """What is given, and what the last deployment was given; an assembly has its options in it."""
    new = kept_options.given(arguments.context)
    if arguments.assembly:
        if new:
            raise DeployError("--assembly was synthesised with its options: give -c to make synth instead")
        return {}
    outputs = deployer.outputs_if_there(f"{stage.prefix}service")
    options = kept_options.merged(new, outputs)
    for name in sorted(options.keys() - new.keys()):
        say(f"option {name}={options[name]}, as in the last deployment (-c {name}= takes it back)")
    return options


def _changes(deployer: Stacks, wanted: Sequence[Stack]) -> list[str]:
    """Shows them. Raises DeployError if data would be lost, which no release of ours does."""
    lines: list[str] = []
    for stack in wanted:
        found = changes(deployer.template(stack.name), json.loads(stack.template.source.read_text("utf-8")))
        lines += [f"{stack.name} {change}" for change in found]
        endangered = [str(change) for change in found if change.endangers_data]
        if endangered:
            raise DeployError(f"{stack.name} would lose data, nothing was changed: {'; '.join(endangered)}")
    shown = lines if len(lines) <= MOST_LINES else lines[:MOST_LINES]
    for line in shown:
        say(line)
    if len(lines) > len(shown):
        say(f"and {len(lines) - len(shown)} more")
    return lines


def _confirm(arguments: argparse.Namespace) -> None:
    """Asks on a terminal; a script has nobody to ask."""
    if arguments.yes or not sys.stdin.isatty():
        return
    print("Deploy this? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise DeployError("Nothing was changed")


def _first_key(
    arguments: argparse.Namespace, account: Account, stage: Stage, outputs: dict[str, str]
) -> dict[str, object]:
    """An organisation and its key for a deployment that has none; for another one only where it is asked for."""
    if not (arguments.first_key or arguments.new_organization):
        return {}
    from dataforge_infra.deploy import first_key

    if not arguments.new_organization and first_key.exists(account, prefix=stage.prefix):
        return {"has_keys": True}
    org_id, key = first_key.create(
        outputs,
        prefix=stage.prefix,
        region=account.region,
        organization=arguments.new_organization or arguments.first_key,
    )
    return {"organization_id": org_id, "api_key": key}


def _first_image(account: Account, outputs: dict[str, str]) -> dict[str, object]:
    """Builds the image that training jobs run, unless there is one of these sources, or a ready one was given. A
    failure is told, and the deployment stands: its key must not be lost."""
    if "ImageProject" not in outputs:
        return {}
    image = images.of(outputs, "huggingface")
    if outputs.get("TrainingImage") != image.uri:
        return {}
    try:
        if not images.is_built(account, image):
            images.build(account, image, say)
    except (DeployError, KeyboardInterrupt) as problem:
        say(str(problem) or "The build goes on in the account")
        say(f"Everything but the training image is deployed; see to it with: {_again(image)}")
        return {"training_image": None}
    return {"training_image": image.uri}


def _again(image: images.Image) -> str:
    stage = image.project.split("-")[1]
    return f"dataforge images build --stage {stage}{' --unsloth' if image.name == 'unsloth' else ''}"


def build_image(arguments: argparse.Namespace) -> dict[str, object]:
    account, stage = find(arguments.region), preset(arguments.stage)
    image = images.of(Stacks(account, say).outputs(f"{stage.prefix}service"), arguments.name)
    result: dict[str, object] = {"event": "built", "image": image.uri, "stage": stage.name, "region": account.region}
    if not arguments.again and images.is_built(account, image):
        say("It is built from these sources already; --again builds it anew")
        return {**result, "seconds": 0}
    try:
        return {**result, "seconds": round(images.build(account, image, say))}
    except KeyboardInterrupt:
        raise DeployError(f"The build goes on in the account; follow it with: {_again(image)}") from None


def deploy_stacks(account: Account, deployer: Stacks, wanted: Sequence[Stack]) -> dict[str, str]:
    """Deploys the stacks in their order; returns the outputs of all."""
    outputs: dict[str, str] = {}
    for stack in wanted:
        upload(account, [*stack.assets, stack.template], say)
        changed = deployer.deploy(stack)
        say(f"{stack.name}: {'done' if changed else 'nothing to change'}")
        outputs |= deployer.outputs(stack.name)
    return outputs


def _synthesised(folder: Path, context: dict[str, str]) -> Path:
    from dataforge_infra.app import build

    return Path(build(dict(context), str(folder)).synth().directory)


def destroy(arguments: argparse.Namespace) -> dict[str, object]:
    """The service; the data stack too when asked, and even then its tables and bucket stay (they are retained)."""
    account = find(arguments.region)
    deployer, prefix = Stacks(account, say), preset(arguments.stage).prefix
    gone = [name for name in (f"{prefix}service",) if deployer.delete(name)]
    if arguments.data:
        gone += [name for name in (f"{prefix}data",) if deployer.delete(name, unprotect=True)]
    return {"event": "destroyed", "stage": arguments.stage, "region": account.region, "stacks": gone}


def doctor(arguments: argparse.Namespace) -> dict[str, object]:
    from dataforge_infra.deploy import checkup

    account, prefix = find(arguments.region), preset(arguments.stage).prefix
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
        document = rights.policy(
            needed, account=account.id, region=account.region, prefix=prefix, partition=account.partition
        )
        path = folder / f"{name}.json"
        path.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
        say(f"aws iam create-policy --policy-name {name} --policy-document file://{path}")
    say("Attach both to the user or role that deploys.")
    return {"event": "written", "policies": [f"{name}.json" for name in rights.POLICIES]}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dataforge_infra.deploy", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, run in (("deploy", deploy), ("destroy", destroy), ("doctor", doctor), ("images", build_image)):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        command.add_argument("--stage", default="dev", help="dev, prod, or a name of yours")
        command.add_argument("--region", help="else AWS_REGION, or the region of your AWS profile")
        if name == "deploy":
            command.add_argument("-c", "--context", action="append", default=[], metavar="KEY=VALUE")
            command.add_argument("--assembly", type=Path, help="deploy what `make synth` wrote there")
            command.add_argument("--first-key", metavar="NAME", help="name of the organisation, if there is none yet")
            command.add_argument("--new-organization", metavar="NAME", help="make another organisation and its key")
            command.add_argument("--saved-account", metavar="ID", help="account of the profile that will be written")
            command.add_argument("--saved-region", metavar="NAME", help="region of that profile")
            command.add_argument("--diff", action="store_true", help="only show what would change")
            command.add_argument("--yes", action="store_true", help="do not ask for confirmation")
        elif name == "doctor":
            command.add_argument("--policy", type=Path, help="write the policies of whoever deploys into this folder")
        elif name == "destroy":
            command.add_argument("--data", action="store_true", help="the data stack too; its tables and files stay")
        elif name == "images":
            command.add_argument("--name", choices=("huggingface", "unsloth"), default="huggingface")
            command.add_argument("--again", action="store_true", help="also when there is one of these sources")
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

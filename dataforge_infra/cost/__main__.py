"""`python -m dataforge_infra.cost [--stage prod] [-c key=value] [--pairs N] [--pages N]`: one line, counts and dollars.

The stage is synthesised as it would be deployed, without packages, and its resources are counted; AWS is not
called. `dataforge cost` shows it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from dataforge_infra.cost import job, report
from dataforge_infra.cost.idle import idle


def resources(folder: Path) -> list[dict[str, Any]]:
    """Of every template in a synthesised deployment."""
    found = [json.loads(path.read_text("utf-8"))["Resources"] for path in sorted(folder.glob("*.template.json"))]
    return [resource for template in found for resource in template.values()]


def synthesised(context: dict[str, str | list[str]]) -> list[dict[str, Any]]:
    """Raises ValueError for a wrong option."""
    from dataforge_infra.app import build

    with tempfile.TemporaryDirectory() as folder:
        build({**context, "aws:cdk:bundling-stacks": []}, folder).synth()
        return resources(Path(folder))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dataforge_infra.cost", description=__doc__)
    parser.add_argument("--stage", default="dev")
    parser.add_argument("-c", "--context", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--pages", type=float, help="of 400 words; else as many as the measured job read for a pair")
    arguments = parser.parse_args()
    options: dict[str, str | list[str]] = dict(pair.split("=", 1) for pair in arguments.context)
    found = job.measured()
    pages = arguments.pages if arguments.pages is not None else arguments.pairs * found.pages / found.pairs
    try:
        month = idle(synthesised({**options, "stage": arguments.stage}))
    except ValueError as problem:
        print(f"Error: {problem}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as missing:
        print(f"Error: {missing.name} is not installed; in the checkout, run: make .venv/.ready-all", file=sys.stderr)
        return 1
    result = report.answer(found, month, pairs=arguments.pairs, pages=round(pages, 1), waf="web_acls" in month)
    print(json.dumps({"stage": arguments.stage, **result}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

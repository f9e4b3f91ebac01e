"""`python -m dataforge_training train|serve`: what the container runs, and what one machine runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="dataforge_training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train as ROOT/input/data/config/training.json says")
    train.add_argument("--root", type=Path, default=Path("/opt/ml"), help="folder of the job (default: /opt/ml)")
    chosen = parser.parse_args(arguments)

    from dataforge_training.folders import Folders
    from dataforge_training.train import train as run

    return run(Folders(chosen.root))


if __name__ == "__main__":
    sys.exit(main())

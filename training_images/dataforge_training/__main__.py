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
    serve = commands.add_parser("serve", help="answer requests with a trained model")
    serve.add_argument("--model", type=Path, default=Path("/opt/ml/model"), help="the result of a job, or a model")
    serve.add_argument("--base", help="folder or hub id of the base model, when --model is an adapter alone")
    serve.add_argument("--adapter", action="append", default=[], metavar="NAME=DIR", help="a further adapter")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8080)
    serve.add_argument("--with-parent", action="store_true", help="end when the process that started this one ends")
    chosen = parser.parse_args(arguments)

    if chosen.command == "train":
        from dataforge_training.folders import Folders
        from dataforge_training.launch import launch

        return launch(Folders(chosen.root.absolute()))
    from dataforge_training.serve import serve as run

    return run(chosen)


if __name__ == "__main__":
    sys.exit(main())

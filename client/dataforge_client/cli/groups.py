"""Groups of commands of which one is run when no other one is named."""

from __future__ import annotations

from typing import Any

import click


class DefaultGroup(click.Group):
    """default: the name of the command that is run when the first word names none."""

    def __init__(self, *args: Any, default: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self._default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        is_named = bool(args) and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if is_named else [self._default, *args])

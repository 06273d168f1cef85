"""The application that the commands are added to, and the options that several of them share."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from hepsets.cli.command import Commands

app = typer.Typer(
    help="Learn on the sets that particle collisions make.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

command = Commands(app)

MAX_SEED = 2**63 - 1
Seed = Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Seed of everything random.")]
Workers = Annotated[int, typer.Option(min=1, help="Processes that generate and simulate.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting, dotted.")
]


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

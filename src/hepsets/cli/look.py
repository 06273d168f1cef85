"""The commands that look: config, compare, inspect."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hepsets.analyses.contract import ANALYSES
from hepsets.cli.application import Settings, command
from hepsets.cli.run import Name, Scale
from hepsets.core.file_roles import Input
from hepsets.core.streams import echo


@command("config", needs="train")
def config(
    analysis: Name,
    scale: Annotated[Scale, typer.Option(help="Size of the run.")] = Scale.standard,
    settings: Settings = None,
) -> None:
    """Print every setting of an analysis with its meaning and value, as TOML for hepsets run --config."""
    from hepsets.analyses.runs import RunOptions, configure
    from hepsets.core.config import parse_overrides
    from hepsets.core.settings import described

    options = RunOptions(scale=scale.value, settings=parse_overrides(settings or []))
    echo(described(configure(ANALYSES.find(analysis), options)).rstrip())


@command("compare")
def compare(
    first: Annotated[Path, typer.Argument(help="Folder of a finished run."), Input()],
    second: Annotated[Path, typer.Argument(help="Folder of another run of the same analysis."), Input()],
    everything: Annotated[
        bool, typer.Option("--all", help="Every metric, and a line for each list of bins.")
    ] = False,
) -> None:
    """Tabulate what differs between two runs: settings, and numbers with errors of their differences."""
    from hepsets.analyses.compared import compare_runs

    for line in compare_runs(first, second).lines(everything):
        echo(line)


@command("inspect")
def inspect(
    file: Annotated[
        Path, typer.Argument(help="Any file: ROOT (also FILE.root:TREE), parquet, a trunk …"), Input()
    ],
) -> None:
    """Say what a file is, what it lacks for which analysis, and which column map would make it fit."""
    from hepsets.analyses.inspection import inspect_file

    for line in inspect_file(file).lines():
        echo(line)

"""The command apply: scores of a trained model, added to a user's files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hepsets.cli.application import command
from hepsets.core.file_roles import Input, NamedOutput, Output, check_files
from hepsets.core.streams import echo
from hepsets.core.whole_file import together

Out = Annotated[
    Path,
    typer.Option(help="File to write; of several inputs, an existing folder for files of their names."),
    Output(None),
]
Name = Annotated[str | None, typer.Option(help="Which model of the run.")]
Prefix = Annotated[str, typer.Option(help="What the names of the new columns begin with.")]


@command("apply")
def apply(
    model: Annotated[
        Path,
        typer.Argument(help="Folder of a run, a file of a model or of hepsets export, or a filter's name."),
        Input(),
    ],
    inputs: Annotated[
        list[Path],
        typer.Argument(help="Files of events or candidates, ROOT (also FILE.root:TREE) or parquet."),
        Input(),
    ],
    out: Out,
    name: Name = None,
    prefix: Prefix = "score",
) -> None:
    """Add the scores of a trained model to files, and touch nothing else in them."""
    add_scores(model, inputs, out, name, prefix)


def add_scores(model: Path, inputs: list[Path], out: Path, name: str | None, prefix: str) -> None:
    """What the command does, whichever way its arguments were given."""
    from hepsets.deploy.apply import apply_file, places_of
    from hepsets.deploy.scorers import find_scorer, why_default

    places = places_of(inputs, out)
    # once more, as --out may be the folder that the inputs lie in
    check_files(
        [*inputs, model], [NamedOutput("--out", place, Output("ROOT or parquet")) for place in places]
    )
    scorer = find_scorer(model, name)
    if name is None and model.is_dir():
        echo(f"no --name: the model is {scorer.path}{why_default(model)}", err=True)
    with together():
        done = [
            apply_file(scorer, path, place, prefix=prefix) for path, place in zip(inputs, places, strict=True)
        ]
    for one in done:
        for line in one.lines():
            echo(line, err=True)

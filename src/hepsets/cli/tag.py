"""The command tag: scores of a trained flavour tagger, added to a user's file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hepsets.cli.application import command
from hepsets.core.file_roles import Input, NamedOutput, Output, check_files
from hepsets.core.streams import echo
from hepsets.core.whole_file import together


@command("tag")
def tag(
    inputs: Annotated[
        list[Path],
        typer.Argument(help="Files of Z decays, ROOT (also FILE.root:TREE) or parquet."),
        Input(),
    ],
    model: Annotated[
        Path,
        typer.Option(help="Folder of a finished run, or a file of a model or of hepsets export."),
        Input(),
    ],
    out: Annotated[
        Path,
        typer.Option(help="File to write; of several inputs, an existing folder for files of their names."),
        Output(None),
    ],
    name: Annotated[str | None, typer.Option(help="Which model of the run.")] = None,
    prefix: Annotated[str, typer.Option(help="What the names of the new columns begin with.")] = "score",
) -> None:
    """Add the scores of a flavour tagger to files of Z decays, and touch nothing else in them."""
    from hepsets.deploy.flavour_tags import find_tagger, places_of, tag_file

    places = places_of(inputs, out)
    # once more, as --out may be the folder that the inputs lie in
    check_files(
        [*inputs, model], [NamedOutput("--out", place, Output("ROOT or parquet")) for place in places]
    )
    tagger = find_tagger(model, name)
    if name is None and model.is_dir():
        echo(f"no --name: the tagger is {tagger.path}", err=True)
    with together():
        done = [
            tag_file(tagger, path, place, prefix=prefix) for path, place in zip(inputs, places, strict=True)
        ]
    for one in done:
        for line in one.lines():
            echo(line, err=True)

"""The command tag: apply, with the model as an option, as those who tag flavours call it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hepsets.cli.application import command
from hepsets.cli.apply import Name, Out, Prefix, add_scores
from hepsets.core.file_roles import Input


@command("tag", needs="train")
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
    out: Out,
    name: Name = None,
    prefix: Prefix = "score",
) -> None:
    """Add the scores of a flavour tagger to files of Z decays; the same as hepsets apply MODEL FILES."""
    add_scores(model, inputs, out, name, prefix)

"""The command infer: a user's events, a trained model, an estimate."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from hepsets.analyses.contract import ANALYSES, find_able, that_can
from hepsets.cli.application import command
from hepsets.cli.command import parameters, refuse_unused
from hepsets.core.errors import InputError
from hepsets.core.extras import absent
from hepsets.core.file_roles import Input, Output
from hepsets.core.streams import echo
from hepsets.core.whole_file import together

UNLIKE_THE_MODEL = 3
"""Exit code of an inference from events that do not look like the model's."""


def _options() -> str:
    """What each analysis that infers can be told besides: shown under the help of the command."""
    if absent("train"):
        return ""
    found = []
    for name in that_can("infer"):
        fields = dataclasses.fields(getattr(ANALYSES.find(name), "InferConfig"))  # noqa: B009 (not all have it)
        found.append(f"{name} also takes {', '.join('--' + _dashed(field.name) for field in fields)}")
    return "; ".join(found)


@command("infer", epilog=_options, needs="train")
def infer(
    analysis: Annotated[str, typer.Argument(help="What to infer; see hepsets list.")],
    events: Annotated[
        Path, typer.Argument(help="Your events: ROOT, parquet, CSV with a header, or .pkl."), Input()
    ],
    model: Annotated[
        Path,
        typer.Option(
            help="Folder of a finished run, or of one of its models, or shipped: the package's own."
        ),
        Input(),
    ] = Path("shipped"),
    settings: Annotated[list[str] | None, typer.Option("--set", hidden=True)] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=YOURS", help="What your file calls a column, such as q_squared=q2."),
    ] = None,
    trust_pickle: Annotated[
        bool, typer.Option("--trust-pickle", help="Read a pickle, which may run any code.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="JSON file with the result."), Output("JSON")] = None,
    curve: Annotated[
        Path | None, typer.Option(help="CSV file with the likelihood curve."), Output("CSV")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="HTML page with the result."), Output("HTML")] = None,
) -> None:
    """Infer a quantity from your own events with a trained model; see docs/infer.md.

    Exit code 3 says that the events do not look like those the model was made for.
    """
    from hepsets.core.config import from_mapping

    chosen = find_able(analysis, "infer")
    values = _own_options(analysis, chosen.InferConfig, settings or [])
    columns = _pairs(column or [])
    if events.suffix != ".pkl":
        refuse_unused(f"{events}, which is no .pkl", trust_pickle=trust_pickle)
    config = from_mapping(chosen.InferConfig, values, source=f"infer {analysis}")
    inferred = chosen.infer(events, model, config, columns=columns, trust_pickle=trust_pickle)
    for line in inferred.lines():
        echo(line)
    with together():
        if out:
            from hepsets.core.run import write_atomically

            record = json.dumps(inferred.record(), indent=2, allow_nan=False, ensure_ascii=False)
            write_atomically(out, record + "\n")
        if curve:
            inferred.write_curve(curve)
        if report:
            inferred.write_page(report)
    if inferred.unlike:
        raise typer.Exit(UNLIKE_THE_MODEL)


def _own_options(analysis: str, config: Any, settings: list[str]) -> dict[str, str]:
    """Values of the analysis' own options, all of which it has."""
    values = {key: value for key, _, value in (setting.partition("=") for setting in settings)}
    known = [field.name for field in dataclasses.fields(config)]
    for key in values:
        if key not in known:
            own = [f"--{_dashed(name)}" for name in known]
            others = [name for option in parameters(infer) for name in option.names if name != "--set"]
            raise InputError(f"--{_dashed(key)} for {analysis}", f"one of {', '.join((*own, *others))}")
    return values


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _pairs(texts: list[str]) -> dict[str, str]:
    """Names of columns from NAME=YOURS."""
    names: dict[str, str] = {}
    for text in texts:
        name, equals, yours = text.partition("=")
        if not (name and equals and yours):
            raise InputError(f"--column {text!r}", "NAME=YOURS, such as q_squared=q2")
        if name in names:
            raise InputError(f"two --column for {name}", "one")
        names[name] = yours
    return names

"""The commands of filters: export, filter, check-filter."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from hepsets.cli.application import Seed, command
from hepsets.core.errors import InputError
from hepsets.core.extras import require
from hepsets.core.file_roles import STREAM, Input, Output
from hepsets.core.streams import echo
from hepsets.core.whole_file import together
from hepsets.deploy.filter.shipped import SHIPPED, filter_file


@command("export", needs="train")
def export(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run."), Input()],
    model: Annotated[str, typer.Option(help="Model of that run.")],
    out: Annotated[Path, typer.Option(help="ONNX file to write."), Output("ONNX")],
    data: Annotated[
        Path | None,
        typer.Option(help="Events, parquet, to compare scores on; generated ones by default."),
        Input(),
    ] = None,
) -> None:
    """Export a trained filter or flavour tagger: one ONNX file, checked against PyTorch."""
    from hepsets.deploy.filter.event_filter import EventFilter
    from hepsets.deploy.filter.export import export_from_run, model_file
    from hepsets.deploy.flavour_export import export_tagger
    from hepsets.deploy.onnx.jets import preprocessing_file
    from hepsets.learn.files import load
    from hepsets.learn.vertexed_events.model import VertexedModel

    found = load(model_file(run, model))
    if isinstance(found, VertexedModel):
        events, difference = export_tagger(found, out, data)
    else:
        events, difference = export_from_run(run, model, out, data)
    beside = preprocessing_file(out)
    if isinstance(found, VertexedModel) and found.config.style == "constituents":
        echo(f"{beside}: how FCCAnalyses' WeaverInterface prepares its inputs")
    echo(f"{out}: scores of {events} events differ from PyTorch's by at most {difference:.1g}")
    in_vain = "" if isinstance(found, VertexedModel) else EventFilter.load(out).saves_nothing()
    if in_vain:
        echo(f"warning: {in_vain}", err=True)


@command("filter")
def filter_events(
    inputs: Annotated[
        list[Path],
        typer.Argument(help="HepMC3 ASCII (also gzip, - for standard input) or parquet files."),
        Input(),
    ],
    out: Annotated[
        Path,
        typer.Option(help="File of the same format, or - for standard output."),
        Output("HepMC3 or parquet", stream=True),
    ],
    model: Annotated[
        str,
        typer.Option(help="File that hepsets export wrote, or a filter of the package."),
        Input(filter_file),
    ] = SHIPPED[0],
    mode: Annotated[str, typer.Option(help="importance, threshold or score.")] = "importance",
    form: Annotated[str, typer.Option(help="Of the keep probability: root or logistic.")] = "root",
    floor: Annotated[float | None, typer.Option(help="Least keep probability; by default the best.")] = None,
    threshold: Annotated[float | None, typer.Option(help="Least score; by default the best.")] = None,
    seed: Seed = 1,
    sample: Annotated[
        str | None, typer.Option(help="What all events are, such as ccbar, for filters that can be told.")
    ] = None,
    protect: Annotated[
        str | None,
        typer.Option(help="Observable whose bins all keep the same effective share, such as missing_energy."),
    ] = None,
    renumber: Annotated[
        bool, typer.Option("--renumber", help="Count events from 0, do not use their own numbers.")
    ] = False,
    skim_name: Annotated[
        list[str] | None,
        typer.Option(help="What basf2 calls a skim, as SKIM=NAME, such as hadronic_b0=feiHadronicB0."),
    ] = None,
    predictions: Annotated[
        bool, typer.Option("--predictions", help="Write them, too, as SmartBKG_Prediction_NAME.")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="HTML page with a summary."), Output("HTML")] = None,
) -> None:
    """Keep the generated events that are worth simulating, with weights that leave no bias."""
    from hepsets.deploy.filter.event_filter import EventFilter, FilterSettings
    from hepsets.deploy.filter.files import filter_files

    if report:
        require("report", "hepsets filter --report")
    settings = FilterSettings(mode, form, floor, threshold, seed, sample, protect)  # type: ignore[arg-type]  # it checks them
    event_filter = EventFilter.load(model)
    with together():
        summary = filter_files(
            event_filter, inputs, out, settings,
            renumber=renumber, skim_names=_skim_names(skim_name or []), debug=predictions,
        )  # fmt: skip
        if report:
            _write_page(report, event_filter, settings, summary, inputs, out)
    for line in summary.lines():
        echo(line, err=True)


def _write_page(
    report: Path, event_filter: Any, settings: Any, summary: Any, inputs: list[Path], out: Path
) -> None:
    from hepsets.report.pages.filter import write_filter_page

    facts = event_filter.facts(settings) | {
        "input": ", ".join("standard input" if path == STREAM else str(path) for path in inputs),
        "output": "standard output" if out == STREAM else str(out),
        "finished": f"{datetime.now():%Y-%m-%d %H:%M}",
    }
    write_filter_page(report, summary, facts, event_filter.rules(settings))


def _skim_names(words: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        skim, equals, name = word.partition("=")
        if not (skim and equals and name) or skim in found:
            raise InputError(f"--skim-name {word!r}", "SKIM=NAME, once for a skim")
        found[skim] = name
    return found


UNCLOSED = 3
"""Exit code of a filter that does not close."""

UNTESTED = 4
"""Exit code where nothing was tested, since all that passes was kept with weight 1."""


@command("check-filter")
def check_filter(
    model: Annotated[
        str,
        typer.Argument(help="File that hepsets export wrote, or a filter of the package."),
        Input(filter_file),
    ],
    full: Annotated[
        list[Path],
        typer.Option(help="Fully simulated events with labels, parquet; hepsets simulate makes such files."),
        Input(),
    ],
    form: Annotated[str, typer.Option(help="Of the keep probability: root or logistic.")] = "root",
    floor: Annotated[float | None, typer.Option(help="Least keep probability; by default the best.")] = None,
    seed: Seed = 1,
    sample: Annotated[
        str | None, typer.Option(help="What all events are, such as ccbar, for filters that can be told.")
    ] = None,
    protect: Annotated[str | None, typer.Option(help="Observable that is protected, as in filter.")] = None,
) -> None:
    """Check a filter on your own sample: what it keeps, weighted, against all that passes.

    Exit code 3 says that it does not close, 4 that there was nothing to test.
    """
    from hepsets.deploy.filter import closure
    from hepsets.deploy.filter.event_filter import EventFilter, FilterSettings

    settings = FilterSettings("importance", form, floor, None, seed, sample, protect)  # type: ignore[arg-type]  # it checks them
    found = closure.check_filter(EventFilter.load(model), full, settings)
    for line in found.lines():
        echo(line)
    if not found.closes:
        raise typer.Exit(UNCLOSED if found.fails else UNTESTED)

"""The commands of analyses: list, run, tune."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from hepsets.analyses.contract import ANALYSES, find_able, names_of
from hepsets.cli.application import MAX_SEED, Seed, Settings, command, cores
from hepsets.core.errors import InputError
from hepsets.core.extras import telling_extras
from hepsets.core.file_roles import Input, Output
from hepsets.core.registry import Registry
from hepsets.core.streams import echo
from hepsets.deploy.filter.shipped import SHIPPED
from hepsets.deploy.trunk_shipped import SHIPPED as SHIPPED_TRUNK
from hepsets.deploy.trunk_shipped import trunk_file


class Scale(StrEnum):
    """Sizes of a run."""

    quick = "quick"
    standard = "standard"
    full = "full"


class Tune(StrEnum):
    """What of a model that starts from a trunk is trained."""

    head = "head"
    all = "all"


def named(start: str) -> list[str]:
    """Names of analyses that begin so, for the shell's completion."""
    return [name for name in ANALYSES if name.startswith(start)]


Name = Annotated[
    str, typer.Argument(help=f"One of {', '.join(ANALYSES)}; see hepsets list.", autocompletion=named)
]


@command("list")
def list_all() -> None:
    """List the analyses, with question, studies and models, samples, skims, detectors, filters and trunks.

    Models, too, that other packages add.
    """
    echo("analyses:")
    for name in ANALYSES:
        try:
            analysis = ANALYSES.find(name)
        except InputError as error:
            echo(f"  {name}\n    {error}")
            continue
        echo(f"  {name}{_of(ANALYSES.source(name))}\n    {analysis.question}")
        for what in ("studies", "models"):
            if names_of(analysis, what):
                echo(f"    {what + ':':9}{', '.join(names_of(analysis, what))}")
    models: Registry[Any] = Registry("hepsets.models", "model", {})  # hepsets' own take PyTorch to list
    for title, names in (
        ("models", lambda: _sourced(models)),
        ("samples", _samples),
        ("skims", _skims),
        ("detectors", _detectors),
        ("filters", lambda: SHIPPED),
        ("trunks", lambda: (SHIPPED_TRUNK,)),
    ):
        try:
            with telling_extras(f"hepsets list {title}"):
                found = ", ".join(names())
        except InputError as error:
            found = str(error)
        if found:
            echo(f"{title + ':':11}{found}")


def _samples() -> tuple[str, ...]:
    from hepsets.generate.kstmumu.files import SAMPLE
    from hepsets.generate.samples import SAMPLES

    return (*SAMPLES, SAMPLE)


def _skims() -> list[str]:
    from hepsets.select.skims.registry import SKIMS

    return _sourced(SKIMS)


def _detectors() -> list[str]:
    from hepsets.simulate.registry import DETECTORS

    return _sourced(DETECTORS)


def _sourced(things: Registry[Any]) -> list[str]:
    """Their names, each with the other package that gives it."""
    return [name + _of(things.source(name)) for name in things]


def _of(package: str) -> str:
    return f" (of {package})" if package else ""


@command("run", needs="train")
def run(
    analysis: Name,
    scale: Annotated[
        Scale | None,
        typer.Option(help="How much is generated and trained; events in your own files are all taken."),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file with settings."), Input()] = None,
    settings: Settings = None,
    data: Annotated[
        list[Path] | None, typer.Option(help="Your own training events: files or patterns."), Input()
    ] = None,
    test_data: Annotated[
        list[Path] | None, typer.Option(help="Your own test events: files or patterns."), Input()
    ] = None,
    off_resonance: Annotated[
        list[Path] | None,
        typer.Option(help="Continuum data taken below the Υ(4S), to train with: files or patterns."),
        Input(),
    ] = None,
    study: Annotated[
        list[str] | None, typer.Option(help="Study to add to those of the scale; hepsets list names them.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run."), Output(None)] = None,
    seed: Annotated[int | None, typer.Option(min=0, max=MAX_SEED, help="Seed of everything random.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; all cores by default.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an unfinished run.")] = False,
    trunk: Annotated[
        Path | None,
        typer.Option(help="Trunk that a model starts from: of hepsets pretrain, or shipped, the package's."),
        Input(trunk_file),
    ] = None,
    tune: Annotated[Tune | None, typer.Option(help="What of that model is trained.")] = None,
) -> None:
    """Run an analysis and write its folder: config, result, report, figures and models."""
    from hepsets.analyses import runs
    from hepsets.core.config import parse_overrides

    options = runs.RunOptions(
        scale=scale.value if scale else None,
        seed=seed,
        file=config,
        settings=parse_overrides(settings or []),
        train=data or (),
        test=test_data or (),
        off_resonance=off_resonance or (),
        studies=study or (),
        trunk=trunk,
        tune=tune.value if tune else None,
    )
    result, folder = runs.run(analysis, options, out=out, workers=workers or cores(), resume=resume)
    tell = getattr(ANALYSES.find(analysis), "print_summary", None)
    if tell is not None:
        tell(result)
    echo(f"report: {folder / 'report.html'}")


@command("report", needs="train")
def draw_again(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run."), Input()],
) -> None:
    """Draw the page and the figures of a run again, from what it kept; nothing is computed."""
    from hepsets.analyses.report import redraw

    echo(f"report: {redraw(run, ANALYSES.find)}")


@command("tune", needs="train")
def tune(
    analysis: Name,
    trials: Annotated[int, typer.Option(min=1, help="How many trials to add.")],
    model: Annotated[
        str | None, typer.Option(help="Model to tune; by default the one that the analysis takes.")
    ] = None,
    scale: Annotated[Scale, typer.Option(help="Size of the data.")] = Scale.quick,
    settings: Settings = None,
    storage: Annotated[
        Path,
        typer.Option(help="SQLite file; existing trials are gone on with."),
        Output("SQLite", continued=True),
    ] = Path("tune.sqlite"),
    data: Annotated[
        list[Path] | None, typer.Option(help="Your own training events: files or patterns."), Input()
    ] = None,
    seed: Seed = 1,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; all cores by default.")] = None,
) -> None:
    """Search hyper-parameters on validation events (Optuna); resumable."""
    from hepsets.analyses.runs import RunOptions, configure
    from hepsets.core.config import parse_overrides

    chosen = find_able(analysis, "tune")
    options = RunOptions(
        scale=scale.value, seed=seed, settings=parse_overrides(settings or []), train=data or ()
    )
    best = chosen.tune(
        configure(chosen, options), model, trials=trials, storage=storage, workers=workers or cores()
    )
    for line in best.lines():
        echo(line)
    echo(f"storage: {storage}")

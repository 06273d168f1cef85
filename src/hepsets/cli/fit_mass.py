"""The command fit-mass: anyone's mass spectrum, fitted: yields, mean and width, a figure and a JSON file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hepsets.cli.application import MAX_SEED, Workers, command
from hepsets.core.errors import InputError
from hepsets.core.file_roles import Input, Output
from hepsets.core.streams import echo
from hepsets.core.whole_file import together, whole_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepsets.evaluate.fits.parameters import MassRange
    from hepsets.evaluate.fits.record import MassFit
    from hepsets.evaluate.fits.spectrum import Spectrum

UNITS = ("GeV", "MeV")


def _file_of(word: Path) -> Path:
    """The file of NAME=FILE."""
    return Path(str(word).partition("=")[2] or word)


Model = Annotated[
    str,
    typer.Option(
        help="SIGNAL+BACKGROUND+…: gaussian, double_gaussian, crystal_ball or hypatia, then exponential, "
        "constant, bernstein1 … bernstein8 or names of templates."
    ),
]
Range = Annotated[
    str | None, typer.Option("--range", metavar="LOW:HIGH", help="Range, in the column's unit.")
]
Category = Annotated[
    str | None, typer.Option(help="Column of whole numbers: all are fitted at once, with a common mean.")
]
Simulation = Annotated[
    Path | None,
    typer.Option(help="Simulated signal with the same column: tells width and tails."),
    Input(),
]
Templates = Annotated[
    list[Path] | None,
    typer.Option(metavar="NAME=FILE", help="Sample of a background that the model names."),
    Input(_file_of),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="A setting, in GeV: fixed.width=0.016, start.mean=5.37, …"
    ),
]


@command("fit-mass", needs="fit")
def fit_mass(
    file: Annotated[Path, typer.Argument(help="ROOT (also FILE.root:TREE), parquet or CSV."), Input()],
    column: Annotated[str, typer.Option(help="The column that holds the mass.")],
    out: Annotated[Path, typer.Option(help="New folder for the result and its figures."), Output(None)],
    model: Model = "crystal_ball+exponential",
    window: Range = None,
    unit: Annotated[str | None, typer.Option(help="Unit of the column: GeV or MeV.")] = None,
    category: Category = None,
    weight: Annotated[str | None, typer.Option(help="Column of weights.")] = None,
    simulation: Simulation = None,
    template: Templates = None,
    bins: Annotated[int | None, typer.Option(help="Fit in so many bins, not event by event.")] = None,
    toys: Annotated[int, typer.Option(min=0, help="Pseudo-experiments that judge the fit.")] = 0,
    blind: Annotated[str, typer.Option(help="A word that hides yield and mean.")] = "",
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Seed of the toys.")] = 0,
    settings: Settings = None,
    workers: Workers = 1,
) -> None:
    """Fit the mass spectrum of any table; see docs/fit_mass.md."""
    _check(unit, out)
    from hepsets.core.config import from_mapping, merge, parse_overrides
    from hepsets.evaluate.fits.mass_fit import MassFitConfig
    from hepsets.evaluate.fits.mass_fit import fit_mass as fit
    from hepsets.formats.given_files import refuse_twice

    given: dict[str, Any] = {"model": model, "toys": toys, "blind": blind, "seed": seed, "bins": bins}
    config = from_mapping(MassFitConfig, merge(given, parse_overrides(settings or [])), source="fit-mass")
    by_name = _templates(template or [])
    others = [*([simulation] if simulation else []), *by_name.values()]
    refuse_twice([file, *others], "data, simulation or a template")
    read = _Reader(column, unit)
    spectrum = read.spectrum(file, _range(window, unit), weight, category)
    simulated = None if simulation is None else read.masses(simulation)
    samples = {name: (read.masses(path), None) for name, path in by_name.items()}
    result = fit(spectrum, config, simulation=simulated, templates=samples, workers=workers)
    for line in result.lines():
        echo(line)
    _write(out, result, column)


def _check(unit: str | None, out: Path) -> None:
    if unit not in (None, *UNITS):
        raise InputError(f"--unit {unit}", f"one of {', '.join(UNITS)}")
    if out.exists():
        raise InputError(f"{out} exists", "a new folder", "choose another --out or delete it")


class _Reader:
    """The same column, in the same unit, of all files.

    Parameters
    ----------
    column
        Name of the column.
    unit
        Its unit, if it was said.
    """

    def __init__(self, column: str, unit: str | None) -> None:
        self.column, self.unit = column, unit

    def masses(self, path: Path) -> NDArray[Any]:
        """The column in GeV, shape ``(n_events,)``."""
        from hepsets.evaluate.fits.spectrum import in_gev
        from hepsets.formats.flat_table import read_columns

        return in_gev(read_columns(path, [self.column])[self.column], self.unit, f"{path}: {self.column}")

    def spectrum(
        self, path: Path, window: MassRange | None, weight: str | None, category: str | None
    ) -> Spectrum:
        """The events of the fit."""
        from hepsets.evaluate.fits.spectrum import in_gev, make_spectrum
        from hepsets.formats.flat_table import read_columns

        table = read_columns(path, [name for name in (self.column, weight, category) if name])
        name = f"{path}: {self.column}"
        return make_spectrum(
            in_gev(table[self.column], self.unit, name),
            window,
            name=name,
            weights=None if weight is None else table[weight].astype(float),
            categories=None if category is None else table[category],
        )


def _range(text: str | None, unit: str | None) -> MassRange | None:
    if text is None:
        return None
    from hepsets.evaluate.fits.parameters import MassRange
    from hepsets.evaluate.fits.spectrum import IN_GEV

    low, colon, high = text.partition(":")
    try:
        ends = [float(end) * IN_GEV[unit or "GeV"] for end in (low, high)]
    except ValueError:
        ends = []
    if not colon or len(ends) != 2:
        raise InputError(f"--range {text}", "LOW:HIGH, such as 5.2:5.8")
    return MassRange(*ends)


def _templates(words: list[Path]) -> dict[str, Path]:
    """Files of samples by the names of their backgrounds."""
    found: dict[str, Path] = {}
    for word in words:
        name, equals, path = str(word).partition("=")
        if not (name and equals and path):
            raise InputError(f"--template {word}", "NAME=FILE, such as misidentified=b0.parquet")
        if name in found:
            raise InputError(f"two --template of {name}", "one")
        found[name] = Path(path)
    return found


def _write(out: Path, result: MassFit, label: str) -> None:
    """The folder with ``mass_fit.json``, ``mass_fit.png`` and, of toys, ``pulls.png``: all or none."""
    from hepsets.core.run import write_atomically
    from hepsets.report.mass_fit_figures import mass_fit_figure, toy_figure
    from hepsets.report.style import save

    text = json.dumps(result.record(), indent=2, allow_nan=False, ensure_ascii=False)
    figures = {"mass_fit.png": mass_fit_figure(result, label)}
    if result.toys is not None and result.toys.parameters:
        figures["pulls.png"] = toy_figure(result.toys)
    try:
        out.mkdir(parents=True)
    except FileExistsError as error:
        raise InputError(f"{out} exists", "a new folder", "choose another --out or delete it") from error
    with together():
        write_atomically(out / "mass_fit.json", text + "\n")
        for name, figure in figures.items():
            with whole_file(out / name) as partial:
                save(figure, partial, "png")

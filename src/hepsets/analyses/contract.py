"""What an analysis is, and which there are: the folders here, and the entry points of other packages.

An analysis is a module, here a folder, with these names:

``name``, ``question``
    What it is called on the command line, and what it answers, in one line.
``Config``, ``SCALES``
    A frozen pydantic dataclass with everything that a run depends on, ``scale`` and ``seed`` among it, and
    what differs from its defaults at each size: at least ``quick`` and ``standard``.
``Result``
    A frozen dataclass of what a run found, see :class:`Result`.
``run(config, folder, *, workers)``
    Do the work in a :class:`~hepsets.core.run.RunFolder` and return the ``Result``.
``sections(result, figures)``
    The sections of its page, drawn out of the result alone. ``run`` may write a ``report.html`` of its own;
    else these stand under name and question.

It may have further ones: ``print_summary(result)``, for the terminal; ``headline(result)``, lines for a
prompt, and ``MAIN_FIGURE``, the name of the figure that comes first, see :mod:`hepsets.analyses.shown`;
``STUDIES`` and ``MODELS``, names that ``hepsets list`` shows; ``tune``, see :class:`Tuning`;
``InferConfig`` and ``infer``, see :class:`Inferring`; ``TRUNK_MODEL``, the model that starts from a trunk
where ``Config`` has ``trunk``, ``trunk_sha256`` and ``tune``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Protocol

from hepsets.core.errors import InputError
from hepsets.core.registry import Registry


class Result(Protocol):
    """What a run found."""

    @property
    def config(self) -> Any:
        """What was run."""

    @property
    def metrics(self) -> Mapping[str, Any]:
        """For ``result.json``: finite numbers, texts, lists and tables of them."""


class Analysis(Protocol):
    """A module that is an analysis."""

    name: str
    question: str
    Config: Any
    SCALES: Mapping[str, Mapping[str, Any]]
    Result: Any

    def run(self, config: Any, folder: Any, *, workers: int = 1) -> Any:
        """Do the work and return the ``Result``."""

    def sections(self, result: Any, figures: Any) -> Iterable[Any]:
        """The sections of its page."""


class Tuned(Protocol):
    """The best hyper-parameters found."""

    def lines(self) -> list[str]:
        """For people."""


class Tuning(Protocol):
    """An analysis whose models can be tuned."""

    def tune(self, config: Any, model: str | None, *, trials: int, storage: Path, workers: int = 1) -> Tuned:
        """Search hyper-parameters of a model, by default the analysis' own choice, on validation events."""


class Inferred(Protocol):
    """What a trained model says of a user's events."""

    @property
    def unlike(self) -> bool:
        """Whether the events do not look like those the model was made for."""

    def lines(self) -> list[str]:
        """For people."""

    def record(self) -> dict[str, Any]:
        """For a JSON file."""

    def write_curve(self, path: Path) -> None:
        """Write the likelihood curve to a CSV file."""

    def write_page(self, path: Path) -> None:
        """Write an HTML page."""


class Inferring(Protocol):
    """An analysis that infers from a user's events; each field of ``InferConfig`` is an option."""

    InferConfig: Any

    def infer(
        self,
        events: Path,
        model: Path,
        config: Any,
        *,
        columns: Mapping[str, str],
        trust_pickle: bool = False,
    ) -> Inferred:
        """Judge events with a model of a run; ``columns`` says what their file calls ours."""


NEEDED = ("name", "question", "Config", "SCALES", "Result", "run", "sections")
"""What every analysis has."""


def fault(thing: object) -> str:
    """What a thing lacks to be an analysis; an empty text if it is one."""
    missing = [name for name in NEEDED if not hasattr(thing, name)]
    return f"it lacks {', '.join(missing)}" if missing else ""


def _here() -> dict[str, Analysis | str]:
    """The folders beside this file; the order is that of their names."""
    package = __name__.rpartition(".")[0]
    folders = [found.name for found in iter_modules([str(Path(__file__).parent)]) if found.ispkg]
    return {folder.replace("_", "-"): f"{package}.{folder}" for folder in sorted(folders)}


ANALYSES: Registry[Analysis] = Registry("hepsets.analyses", "analysis", _here(), fault)
"""All analyses by name, each imported when it is asked for."""


def names_of(analysis: Analysis, what: str) -> tuple[str, ...]:
    """Names of its ``studies`` or ``models``; none if it has none."""
    return tuple(getattr(analysis, what.upper(), ()))


def that_can(ability: str) -> tuple[str, ...]:
    """Names of the analyses that can ``tune`` or ``infer``; what cannot be loaded can do neither."""
    found = []
    for name in ANALYSES:
        with suppress(InputError):
            if hasattr(ANALYSES.find(name), ability):
                found.append(name)
    return tuple(found)


def find_able(name: str, ability: str) -> Any:
    """The analysis of a name, which can ``tune`` or ``infer``.

    Raises
    ------
    InputError
        If there is none, or it cannot.
    """
    analysis = ANALYSES.find(name)
    if not hasattr(analysis, ability):
        raise InputError(f"{ability} {name}", f"an analysis that has it: {', '.join(that_can(ability))}")
    return analysis

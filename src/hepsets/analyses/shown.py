"""What results of analyses show of themselves: a few lines at a prompt, and the figures of their report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from matplotlib.figure import Figure

from hepsets.analyses.contract import ANALYSES
from hepsets.analyses.report import page_of
from hepsets.core.errors import InputError
from hepsets.core.metrics import to_json
from hepsets.core.screen import on_screen
from hepsets.report.one_figure import one_figure

HINT = ".metrics: all numbers; .plot(): the main figure; .plot(NAME): any of the report"


class Shown:
    """A result that says what it found, and draws it; ``analysis`` is the name of its analysis."""

    analysis: ClassVar[str]

    def __repr__(self) -> str:
        """The headline, with uncertainties, in at most 25 lines of 100 columns."""
        return on_screen(told(self.analysis, self), HINT)

    def plot(self, name: str | None = None) -> Figure:
        """A figure of the report.

        Parameters
        ----------
        name
            Which; the main one by default.

        Returns
        -------
        Figure
            A notebook shows it, ``savefig`` writes it.

        Raises
        ------
        InputError
            If the report has no such figure; it names those that there are.
        """
        return plotted(self.analysis, self, name)


def told(analysis: str, result: Any) -> Iterator[str]:
    """What a result of any analysis found, in lines: its headline, else its metrics."""
    config, module = result.config, ANALYSES.find(analysis)
    yield f"{analysis}, {config.scale}, seed {config.seed}"
    headline = getattr(module, "headline", None)
    yield from headline(result) if headline else _metric_lines(to_json(result.metrics))


def plotted(analysis: str, result: Any, name: str | None = None) -> Figure:
    """A figure of the report of any analysis; by default the main one, else the first.

    Raises
    ------
    InputError
        If there is no such figure.
    """
    module = ANALYSES.find(analysis)
    page, main = page_of(module), getattr(module, "MAIN_FIGURE", None)
    if name is None and main is not None:
        try:
            return one_figure(lambda figures: page(result, figures), main)
        except InputError:  # what it shows was not looked at: the first will do
            pass
    return one_figure(lambda figures: page(result, figures), name)


def _metric_lines(metrics: Any, before: str = "") -> Iterator[str]:
    for name, value in metrics.items():
        if isinstance(value, dict) and set(value) == {"value", "se"}:
            yield f"{before}{name}: {value['value']:.6g} ± {value['se']:.2g}"
        elif isinstance(value, dict):
            yield from _metric_lines(value, f"{before}{name}.")
        elif not name.endswith("_se") and not isinstance(value, list):
            error = metrics.get(f"{name}_se")
            shown = f"{value:.6g}" if isinstance(value, float) else str(value)
            yield f"{before}{name}: {shown}" + ("" if error is None else f" ± {error:.2g}")

"""The report: one self-contained HTML page that opens offline, prints well and needs no server.

A page is a headline and sections; a section is a title and content of any of these kinds, in the
order given: a ``str`` (prose), :class:`Drawing`, :class:`Table`, :class:`SpeedupExplorer`,
:class:`Listing`. Analyses differ in the sections that they fill in, not in the page.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import pickle
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import metadata
from pathlib import Path
from typing import Any, TypeAlias

import jinja2
import matplotlib as mpl
import numpy as np
from markupsafe import Markup, escape
from matplotlib.figure import Figure
from matplotlib.ticker import AutoLocator, FixedLocator
from numpy.typing import NDArray

from hepsets.core.config import to_toml
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.parallel import begin
from hepsets.core.run import Origin
from hepsets.core.whole_file import whole_file
from hepsets.evaluate.filter.limit import Limit
from hepsets.evaluate.filter.speedup import SpeedupCurve, SpeedupResult
from hepsets.report.glossary import Terms
from hepsets.report.style import COLOURS, INK, MUTED, PAPER, RULE, Style, house_style, mark_simulation

_THEME = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    RULE: "var(--rule)",
    PAPER: "var(--paper)",
    **{colour: f"var(--m{i})" for i, colour in enumerate(COLOURS)},
}
"""Colours of the figures as the page's style sheet defines them, for light and for dark."""

_DPI = 160
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
"""Pixels per inch of figures."""

Value: TypeAlias = str | int | float | Measured | None
"""Content of a table cell."""


@dataclass(frozen=True)
class Drawing:
    """A figure as inline SVG.

    Parameters
    ----------
    drawn
        An ``<svg>`` element, from :func:`drawing` or :func:`hepsets.report.decay_trees.decay_tree`; or what
        gives it, where it is still being drawn.
    caption
        What it shows and how to read it.
    """

    drawn: str | Callable[[], str]
    caption: str

    @property
    def svg(self) -> str:
        """The element."""
        return self.drawn if isinstance(self.drawn, str) else self.drawn()


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    heading
        Its title.
    unit
        Unit or explanation under the title.
    digits
        Decimals of its numbers; by default two significant digits of the error.
    """

    heading: str
    unit: str = ""
    digits: int | None = None


@dataclass(frozen=True)
class Table:
    """A table that readers can sort; ``highlight`` is the number of the row that stands out.

    A column in which no row has an entry, such as the distance to a limit that nobody knows, is not shown.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    caption: str = ""
    highlight: int | None = None

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise InputError(
                    f"a table row of {len(row)} cells", f"{len(self.columns)}, one for each column"
                )

    @cached_property
    def numeric(self) -> frozenset[int]:
        """Places of the columns that hold a number; text there ("one value") sorts last."""
        return frozenset(
            at
            for at in range(len(self.columns))
            if any(row[at] is not None and not isinstance(row[at], str) for row in self.rows)
        )

    @cached_property
    def said(self) -> tuple[int, ...]:
        """Places of the columns that are shown."""
        places = range(len(self.columns))
        return tuple(
            at for at in places if not self.rows or any(row[at] not in (None, "") for row in self.rows)
        )


@dataclass(frozen=True)
class Listing:
    """Text to be shown as it is (a configuration, versions), under a title that folds it away."""

    title: str
    text: str
    open: bool = False


@dataclass(frozen=True)
class SpeedupExplorer:
    """Speedup curves with a slider for the threshold and a choice of the model.

    The address ``report.html#threshold=0.85&model=gcn_stack`` opens the page with both set.

    Parameters
    ----------
    curves, chosen, styles
        By model: the curve, the result at the threshold picked on validation events, the colour.
    first
        The model shown first.
    limit
        Drawn as a line, if known.
    """

    curves: Mapping[str, SpeedupCurve]
    chosen: Mapping[str, SpeedupResult]
    styles: Mapping[str, Style]
    first: str
    limit: Limit | None = None

    def __post_init__(self) -> None:
        if self.first not in self.curves or set(self.curves) != set(self.chosen):
            raise InputError(
                f"curves of {sorted(self.curves)}, choices of {sorted(self.chosen)}, first {self.first!r}",
                "the same models in each",
            )

    def data(self) -> dict[str, Any]:
        """What the page's script reads, rounded to six significant digits."""
        models = []
        for name, curve in self.curves.items():
            chosen = self.chosen[name]
            # the chosen threshold becomes a stop of the slider, so that it shows the table's numbers
            at = int(np.searchsorted(curve.thresholds, chosen.threshold))
            columns = {
                "threshold": (curve.thresholds, chosen.threshold),
                "speedup": (curve.speedup, chosen.speedup.value),
                "se": (curve.speedup_se, chosen.speedup.se),
                "f1": (curve.true_positive_rate, chosen.true_positive_rate.value),
                "f0": (curve.false_positive_rate, chosen.false_positive_rate.value),
                "kept": (curve.kept, chosen.kept),
            }
            models.append(
                {
                    "name": name,
                    "colour": _THEME.get(self.styles[name].colour, self.styles[name].colour),
                    "retention": chosen.retention,
                    "chosen": at,
                    **{key: _rounded(np.insert(values, at, own)) for key, (values, own) in columns.items()},
                }
            )
        limit = None if self.limit is None else self.limit.max_speedup.value
        return {"first": self.first, "models": models, "limit": limit}


Content: TypeAlias = str | Drawing | Table | Listing | SpeedupExplorer


@dataclass(frozen=True)
class Section:
    """A titled part of the page; ``lead`` sections stand in the table of contents like all others."""

    title: str
    content: tuple[Content, ...]

    @property
    def anchor(self) -> str:
        """Fragment of its address."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")


@dataclass(frozen=True)
class KeyFigure:
    """A number that the reader should take away, what it is, and a remark."""

    value: str
    label: str
    note: str = ""


@dataclass(frozen=True)
class Page:
    """All that a report shows.

    Parameters
    ----------
    title, summary
        Headline, and one or two sentences with the result.
    facts
        What was run, as (term, value): sample, events, scale, seed, date, …
    key_figures
        Two to four numbers.
    sections
        In reading order, with distinct titles.
    docs
        Name of the page of the documentation that explains it, without its ending; the page links to it
        where the package says at which address its documentation is.
    """

    title: str
    summary: str
    sections: tuple[Section, ...]
    facts: tuple[tuple[str, str], ...] = ()
    key_figures: tuple[KeyFigure, ...] = field(default=())
    docs: str = ""

    def __post_init__(self) -> None:
        anchors = [section.anchor for section in self.sections]
        if len(set(anchors)) != len(anchors):
            raise InputError(f"sections titled {[s.title for s in self.sections]}", "distinct titles")


def configuration(config: Any, origin: Origin) -> Section:
    """The section with the configuration, a dataclass or plain values, and what the run was made with."""
    made_with = "\n".join(f"{name} {version}" for name, version in origin.versions.items())
    return Section("Configuration", (Listing("config.toml", to_toml(config)), Listing("versions", made_with)))


def drawing(figure: Figure, caption: str, alt: str = "") -> Drawing:
    """A matplotlib figure for the page; ``alt`` is for readers who cannot see it.

    By default that is the caption, and what is written in the figure: axes, and what legends and notes say of
    the results.

    The colours of :mod:`hepsets.report.figures` become those of the page, light or dark.
    """
    buffer = io.StringIO()
    with house_style():
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    spoken = " ".join(part for part in (caption, _written_in(figure)) if part)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    # a style element would hold for the whole page, whose own sheet says the same
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s*\n\s*", " ", svg)
    for colour, variable in _THEME.items():
        svg = svg.replace(colour, variable)
    # ids must be unique on the page; glyphs of several figures share theirs
    prefix = f"f{hashlib.sha256(svg.encode()).hexdigest()[:8]}-"
    svg = re.sub(r'\bid="', f'id="{prefix}', svg)
    svg = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{prefix}", svg)
    # without a given colour text and lines are black: let them be ink
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{escape(alt or spoken)}" fill="var(--ink)" ', 1)
    return Drawing(svg, caption)


def write_page(path: str | Path, page: Page) -> None:
    """Write the page to ``path``, whole or not at all.

    Raises
    ------
    InputError
        If the folder does not exist.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise InputError(f"no folder {path.parent}", "an existing folder", "create it first")
    with whole_file(path) as partial:
        partial.write_text(render(page), encoding="utf-8", errors="backslashreplace")


def render(page: Page) -> str:
    """The page as HTML."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hepsets.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    terms = Terms()
    environment.filters |= {
        "prose": lambda text: terms.explained(_prose(text)),
        "cell": cell_text,
        "sort_key": _sort_key,
        "json": _json,
    }
    environment.tests |= {
        "drawing": lambda block: isinstance(block, Drawing),
        "table": lambda block: isinstance(block, Table),
        "listing": lambda block: isinstance(block, Listing),
        "explorer": lambda block: isinstance(block, SpeedupExplorer),
        "number": lambda value: not isinstance(value, str),
    }
    return environment.get_template("page.html").render(page=page, terms=terms, address=_documentation())


def _documentation() -> str:
    """Address of the documentation, as the package's own metadata has it; empty if it has none."""
    for entry in metadata("hepsets").get_all("Project-URL") or ():
        label, _, address = entry.partition(", ")
        if label.strip().lower() == "documentation":
            return str(address).strip().rstrip("/")
    return ""


def cell_text(value: Value, digits: int | None = None) -> str:
    """A number as a table shows it.

    Examples
    --------
    An error stands in brackets, in units of the last digit, as the Particle Data Group writes it.

    >>> cell_text(Measured(0.87163, 0.00214)), cell_text(41234), cell_text(0.5, 3), cell_text(None)
    ('0.8716(21)', '41\u202f234', '0.500', '–')
    """
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, Measured) and value.se < 1e-9 * abs(value.value):  # rounding, no error
        text = f"{value.value:,.{4 if digits is None else digits}f}(0)"
    elif isinstance(value, Measured):
        places = digits
        if places is None:
            places = max(1 - math.floor(math.log10(value.se)), 0) if value.se > 0 else 4
        elif value.se > 0:  # an error of 0 in the last digit would be none
            places = max(places, math.ceil(-math.log10(2 * value.se)))
        error = f"{value.se:.{places}f}" if value.se >= 1 else f"{value.se * 10**places:.0f}"
        text = f"{value.value:,.{places}f}({error})"
    elif isinstance(value, (int, np.integer)) or (digits is None and abs(value) >= 10_000):
        text = f"{value:,.0f}"
    elif digits is None:
        text = f"{value:.4g}" if abs(value) >= 1e-4 or value == 0 else power_text(value, 2)
    else:
        text = f"{value:,.{digits}f}"
    text = re.sub(r"^-(?=[0.]*(\(|$))", "", text)  # no negative zero
    return text.replace("-", "−").replace(",", "\u202f")


def power_text(value: float, figures: int = 1) -> str:
    """A number with so many significant figures, by a power of ten where it is small.

    Examples
    --------
    >>> power_text(8.3e-7), power_text(0.92), power_text(8.35e-7, 2)
    ('8·10⁻⁷', '0.9', '8.4·10⁻⁷')
    """
    if not 0 < abs(value) < 1e-3:
        return f"{value:.{figures}g}"
    mantissa, exponent = f"{value:.{figures - 1}e}".split("e")
    return f"{mantissa}·10{str(int(exponent)).translate(_RAISED)}"


# -- inside ------------------------------------------------------------------------------------------


def _written_in(figure: Figure) -> str:
    """What the figure says in words and numbers, panel by panel."""
    panels = []
    for axes in figure.axes:
        legend = axes.get_legend()
        entries = [] if legend is None else [text.get_text() for text in legend.get_texts()]
        names = [tick.get_text() for tick in (*axes.get_yticklabels(), *axes.get_xticklabels())]
        words = (
            axes.get_title() or axes.get_title("left"),
            " against ".join(name for name in (axes.get_ylabel(), axes.get_xlabel()) if name),
            ", ".join(name for name in names if re.search(r"[^\W\d_]{2}", _plain(name))),
            ", ".join(entry for entry in entries if entry),
            ", ".join(
                text.get_text() for text in axes.texts if text.get_visible() and text.get_text().strip()
            ),
        )
        panels.append(": ".join(word for word in words if word))
    return " ".join(f"{_plain(panel)}." for panel in panels if panel)


def _plain(text: str) -> str:
    """Text of a figure in one line, without the marks of mathematics."""
    text = re.sub(r"\\(mathrm|mathit|text|rm|overline|bar|hat)\b", "", text)
    return " ".join(re.sub(r"[${}]", "", text).split())


def _sort_key(value: Value) -> str:
    if value is None:
        return ""
    return repr(float(value.value)) if isinstance(value, Measured) else str(value)


def _prose(text: str) -> Markup:
    """Paragraphs split at blank lines; `code` in backticks, signs of numbers; all else is plain text."""
    paragraphs = [part for part in re.split(r"\n\s*\n", text.strip()) if part]
    return Markup("".join(f"<p>{_signed(part)}</p>" for part in paragraphs))


def _signed(paragraph: str) -> str:
    plain = re.sub(r"(?<![^\s(])-(?=[\d.])(?=[^`]*(?:`[^`]*`[^`]*)*$)", "−", paragraph)  # outside code
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(plain)))


def _rounded(values: NDArray[np.float64]) -> list[float]:
    return [float(f"{value:.6g}") for value in values]


def _json(data: Any) -> Markup:
    """JSON that may stand within a script element."""
    return Markup(json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c"))


class FigureFiles:
    """Turns figures into page content and keeps each as PNG and PDF.

    Where worker processes are at hand (:func:`hepsets.core.parallel.same_workers`) they draw, while the next
    figure is being made; :meth:`wait` says when all files are there.

    Parameters
    ----------
    folder
        An existing folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._simulation = folder, False
        self._begun: list[Drawing] = []

    def of_simulation(self) -> FigureFiles:
        """The same, with "simulation" written over each figure."""
        marked = FigureFiles(self._folder)
        marked._simulation, marked._begun = True, self._begun
        return marked

    def __call__(self, name: str, figure: Figure, caption: str) -> Drawing:
        """The figure as a drawing with a caption; its files are called ``name``."""
        if self._simulation:
            mark_simulation(figure)
        try:
            task = _Figure(self._folder, name, caption, pickle.dumps(figure))
        except (pickle.PicklingError, AttributeError, TypeError):  # it holds a function of its own
            svg = _draw(figure, self._folder, name, caption)
            return Drawing(svg, caption)
        self._begun.append(Drawing(begin(_draw_pickled, task), caption))
        return self._begun[-1]

    def wait(self) -> None:
        """Return when all figures are drawn and all of their files are written."""
        for one in self._begun:
            _ = one.svg


@dataclass(frozen=True)
class _Figure:
    """A figure on its way to the process that draws it."""

    folder: Path
    name: str
    caption: str
    pickled: bytes


def _draw_pickled(task: _Figure) -> str:
    return _draw(pickle.loads(task.pickled), task.folder, task.name, task.caption)


def _draw(figure: Figure, folder: Path, name: str, caption: str) -> str:
    """Write the files of a figure; its SVG."""
    figure.set_dpi(_DPI)  # letters of few pixels are wider, or narrower, than the same in print
    figure.draw_without_rendering()
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        if isinstance(axis.get_major_locator(), AutoLocator):  # another resolution may find room for more
            axis.set_major_locator(FixedLocator([*axis.get_majorticklocs()]))
    with mpl.rc_context({"figure.autolayout": False, "figure.constrained_layout.use": False}):
        figure.set_layout_engine(None)  # laid out once for all forms; "none" would have each drawn twice
    for ending, about in (("png", None), ("pdf", {"CreationDate": None})):
        with whole_file(folder / f"{name}.{ending}") as partial:
            figure.savefig(partial, format=ending, dpi=_DPI, facecolor="white", metadata=about)
    return drawing(figure, caption).svg

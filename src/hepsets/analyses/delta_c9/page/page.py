"""The report of a ΔC9 run: its headline, and its sections in the order a reader asks."""

from __future__ import annotations

from collections.abc import Iterator

from hepsets.analyses.delta_c9.comparison import Row
from hepsets.analyses.delta_c9.config import OURS
from hepsets.analyses.delta_c9.page.background import background, suppression
from hepsets.analyses.delta_c9.page.detector import detector
from hepsets.analyses.delta_c9.page.images import images
from hepsets.analyses.delta_c9.page.intervals import intervals
from hepsets.analyses.delta_c9.page.meaning import meaning
from hepsets.analyses.delta_c9.page.models import chosen, tables
from hepsets.analyses.delta_c9.page.predictions import pools, predictions
from hepsets.analyses.delta_c9.page.shifts import shifts
from hepsets.analyses.delta_c9.page.single_sets import form_factors, one_set
from hepsets.analyses.delta_c9.page.sizes import sizes
from hepsets.analyses.delta_c9.result import Result
from hepsets.generate.kstmumu.density import TRAIN_VALUES
from hepsets.report import style
from hepsets.report.page import FigureFiles, KeyFigure, Page, Section, configuration


def make_page(result: Result, figures: FigureFiles) -> Page:
    """The page, out of what the run found alone."""
    if not result.config.data.train:
        figures = figures.of_simulation()
    return Page(
        docs="delta_c9",
        title="ΔC9 from B⁰ → K*⁰μ⁺μ⁻",
        summary=_summary(result),
        facts=_facts(result),
        key_figures=_key_figures(result),
        sections=tuple(sections(result, figures)),
    )


def _ours(result: Result, level: str) -> Row | None:
    """Our model on the smallest sets at the first truth, in the first window."""
    config = result.config
    found = chosen(
        result.comparison.rows,
        level=level,
        window=config.windows[0],
        model=OURS,
        events=min(config.set_events),
    )
    return found[0] if found else None


def _summary(result: Result) -> str:
    row = _ours(result, result.config.levels[0])
    if row is None or row.over_bound is None:
        return "How well ΔC9 is known from sets of decays, by several models, beside the limit of any."
    return (
        f"From {row.events:,} decays at {row.level} level {OURS} finds ΔC9 with a standard deviation of "
        f"{row.quality.spread}, {row.over_bound} times the Cramér–Rao bound."
    )


def _facts(result: Result) -> tuple[tuple[str, str], ...]:
    config, data = result.config, result.config.data
    made = (
        (
            "training",
            f"{len(TRAIN_VALUES)} ΔC9, {data.events_per_value:,} generated or "
            f"{data.reconstructed_per_value:,} selected decays each",
        ),
        (
            "toys",
            f"{' | '.join(str(data.toys[level]) for level in config.levels)} disjoint sets of "
            f"{min(config.set_events):,} decays at each truth",
        ),
        ("levels", ", ".join(config.levels)),
        ("windows", ", ".join(f"{name} GeV²" for name in config.windows)),
    )
    read = (("training", ", ".join(data.train)), ("test", ", ".join(data.test)))
    return (
        *(read if data.train else made),
        ("scale", config.scale),
        ("seed", str(config.seed)),
        ("date", result.origin.date),
    )


def _key_figures(result: Result) -> tuple[KeyFigure, ...]:
    found = []
    for level in result.config.levels:
        row = _ours(result, level)
        if row is not None and row.over_bound is not None:
            value = f"{row.over_bound.value:.2f} ± {row.over_bound.se:.2f}"
            found.append(KeyFigure(value, f"standard deviation over the bound, {level} level", OURS))
    return tuple(found)


def sections(result: Result, figures: FigureFiles) -> Iterator[Section]:
    """All sections; what was not looked at has none."""
    styles = style.model_styles(list(dict.fromkeys(row.model for row in result.comparison.rows)))
    for title, content in (
        ("Models", tables(result)),
        ("What the numbers stand for", meaning(result)),
        ("Predictions", predictions(result, styles, figures)),
        ("Size of the data set", sizes(result, styles, figures)),
        ("Intervals", intervals(result, styles, figures)),
        ("One data set", one_set(result.one_set, styles, figures)),
        ("Data sets that share events", pools(result, styles, figures)),
        ("A shift of q²", shifts(result, styles, figures)),
        ("Form factors", form_factors(result.nuisances, styles, figures)),
        ("Detector and selection", detector(result, figures)),
        ("Background", background(result, figures)),
        ("Background suppression", suppression(result, figures)),
        ("Images", images(result, figures)),
    ):
        found = tuple(content)
        if found:
            yield Section(title, found)
    yield configuration(result.config, result.origin)

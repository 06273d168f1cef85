"""The report's sections on what each model estimates: tables, spreads, intervals, and what moves them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from hepsets.analyses.delta_c9.bounds import Bound
from hepsets.analyses.delta_c9.comparison import Row
from hepsets.analyses.delta_c9.figures import intervals as interval_figures
from hepsets.analyses.delta_c9.figures import predictions as prediction_figures
from hepsets.analyses.delta_c9.predictions import Key
from hepsets.analyses.delta_c9.result import Result
from hepsets.analyses.delta_c9.samples import DATA, Cell
from hepsets.core.measured import Measured
from hepsets.evaluate.estimates.quality import mean_error
from hepsets.evaluate.estimates.simulation_based_calibration import DRAWS
from hepsets.report.page import Column, Content, FigureFiles, Table, Value
from hepsets.report.style import Style

ONE_VALUE = 1e-3
"""Predictions that spread less are all on one of the values of ΔC9."""

Styles = Mapping[str, Style]


def chosen(rows: Sequence[Row], **wanted: object) -> list[Row]:
    """Rows whose named fields are as wanted."""
    return [row for row in rows if all(getattr(row, name) == value for name, value in wanted.items())]


def tables(result: Result) -> Iterator[Content]:
    """Spread, bias and coverage of each model, a table for each level."""
    yield (
        "Each row is about disjoint simulated data sets. The bound is that of Cramér and Rao, for the shape "
        "of the decay alone; of reconstructed events it is what the true decays behind them would tell, "
        "which no estimator can know. Errors stand in brackets, in units of the last digit."
    )
    least = min(result.config.set_events)
    for level in dict.fromkeys(row.level for row in result.comparison.rows):
        rows = chosen(result.comparison.rows, level=level, events=least)
        yield Table(
            (
                Column("q²", "GeV²"),
                Column("model"),
                Column("true ΔC9"),
                Column("std"),
                Column("std / bound"),
                Column("bias"),
                Column("coverage", "of 68.3 % intervals"),
            ),
            tuple(
                (
                    row.window,
                    row.model,
                    minus(row.quality.delta_c9),
                    *_spread_and_bias(row),
                    row.quality.coverage68,
                )
                for row in rows
            ),
            caption=f"{_named(level)}, {least:,} signal decays in a set",
        )


def _spread_and_bias(row: Row) -> tuple[Value, ...]:
    """Spread, spread over bound and bias; sets that all give one value have no spread to speak of."""
    quality = row.quality
    if quality.spread.value < ONE_VALUE:
        return "one value", None, minus(round(quality.bias.value, 4))
    return quality.spread, row.over_bound, quality.bias


def _named(level: str) -> str:
    return "your data" if level == DATA else f"{level} level"


def minus(value: float) -> str:
    """A number with a minus sign."""
    return f"{value:g}".replace("-", "−")


def _by_model(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row.sigma is not None:
            found.setdefault(row.model, []).append(row)
    return found


def _sigma(bounds: Sequence[Bound], cell: Cell, truth: float, events: int) -> float | None:
    wanted = cell.level, cell.window, events
    for bound in bounds:
        if (bound.level, bound.window, bound.events, bound.delta_c9) == (*wanted, truth):
            return bound.sigma
    return None


def predictions(result: Result, styles: Styles, figures: FigureFiles) -> Iterator[Content]:
    """Predictions against the truth, and their distributions."""
    config = result.config
    least = min(result.config.set_events)
    for level in config.levels:
        by_model = _by_model(chosen(result.comparison.linearity, level=level))
        if by_model:
            yield figures(
                f"linearity_{level}",
                prediction_figures.linearity(by_model, styles),
                f"Predictions at the ΔC9 of testing, {level} level: mean and standard deviation of sets of "
                f"{least:,} signal decays.",
            )
    for cell, found in result.predictions.items():
        truth = config.shown_truth(cell.window)
        sigma = _sigma(result.comparison.bounds, cell, truth, least)
        if sigma is None:
            continue
        drawn = {
            key.model: estimates.value
            for key, estimates in found.items()
            if key.kind == "toys" and key.delta_c9 == truth and key.events == least
        }
        yield figures(
            f"predictions_{cell.name}",
            prediction_figures.prediction_distributions(
                drawn, styles, truth=truth, bound=sigma, exact=drawn.get("exact")
            ),
            f"Predictions for sets of {least:,} signal decays, {cell.level} level, {cell.window} GeV².",
        )


def sizes(result: Result, styles: Styles, figures: FigureFiles) -> Iterator[Content]:
    """Errors, spread and bias against the size of the data set."""
    config = result.config
    window = config.windows[0]
    for level in config.levels:
        rows = [
            row
            for row in chosen(result.comparison.rows, level=level, window=window)
            if row.quality.delta_c9 in config.truths
        ]
        by_model = _by_model(rows)
        if not by_model:
            continue
        squared: dict[str, dict[int, Measured]] = {}
        absolute: dict[str, dict[int, Measured]] = {}
        for name, of_model in by_model.items():
            for events in config.set_events:
                points = [row.quality for row in of_model if row.events == events]
                if points:
                    one, two = mean_error(points)
                    squared.setdefault(name, {})[events] = one
                    absolute.setdefault(name, {})[events] = two
        bound = {
            events: np.array(
                [
                    bound.sigma
                    for bound in result.comparison.bounds
                    if (bound.level, bound.window, bound.events) == (level, window, events)
                    and bound.delta_c9 in config.truths
                ]
            )
            for events in config.set_events
        }
        yield figures(
            f"errors_{level}",
            prediction_figures.errors_by_size(squared, absolute, styles, bound),
            f"Mean squared and absolute error against the size of the set, {level} level, {window} GeV².",
        )
        yield figures(
            f"spread_{level}",
            prediction_figures.spread_and_bias(by_model, styles),
            f"Spread and bias in units of the bound, {level} level, {window} GeV².",
        )


def intervals(result: Result, styles: Styles, figures: FigureFiles) -> Iterator[Content]:
    """Coverage of intervals and calibration of posteriors."""
    config = result.config
    window = config.windows[0]
    for level in config.levels:
        rows = [
            row
            for row in chosen(
                result.comparison.rows, level=level, window=window, events=min(result.config.set_events)
            )
            if row.quality.coverage68 is not None
        ]
        by_model = _by_model(rows)
        if by_model:
            yield figures(
                f"coverage_{level}",
                interval_figures.coverage(by_model, styles),
                f"How often the 68.3 % interval holds the truth, {level} level, {window} GeV².",
            )
    for cell in result.predictions:
        ranks = {
            model: found.ranks
            for (where, model), found in result.comparison.calibration.items()
            if where == cell
        }
        if ranks:
            yield figures(
                f"calibration_{cell.level}",
                interval_figures.rank_histograms(ranks, styles, draws=DRAWS),
                f"Simulation-based calibration, {cell.level} level: ΔC9 drawn from a flat prior.",
            )


def pools(result: Result, styles: Styles, figures: FigureFiles) -> Iterator[Content]:
    """Disjoint sets beside sets that share a pool of events."""
    config = result.config
    least = min(result.config.set_events)
    for cell, found in result.predictions.items():
        pooled = {key.model: of.value for key, of in found.items() if key.kind == "pooled"}
        truth = config.shown_truth(cell.window)
        if not pooled:
            continue
        sigma = _sigma(result.comparison.bounds, cell, truth, least)
        assert sigma is not None
        disjoint = {name: found[Key("toys", name, truth, least)].value for name in pooled}
        yield (
            f"The study drew its data sets with replacement from one pool of events. Sets of {least:,} from "
            f"{config.study.pool_events:,} share the pool's own fluctuation: all their predictions are off "
            "by it together, and their spread does not show it."
        )
        yield figures(
            "pools",
            prediction_figures.toy_pools(disjoint, pooled, styles, truth=truth, bound=sigma),
            f"Disjoint data sets, and sets from one pool, {cell.level} level, {cell.window} GeV².",
        )


def shifts(result: Result, styles: Styles, figures: FigureFiles) -> Iterator[Content]:
    """What a shift of q² does to each model."""
    if result.comparison.shifts:
        yield "What a small shift of q² between training and test events does to each model."
    for cell, effects in result.comparison.shifts.items():
        yield figures(
            f"q2_shift_{cell.level}",
            prediction_figures.shift_effects(effects, styles),
            f"Shift of the prediction, {cell.level} level, {cell.window} GeV².",
        )

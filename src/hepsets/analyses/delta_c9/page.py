"""The report of a ΔC9 run: its sections, in the order a reader asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from hepsets.analyses.delta_c9.bounds import Bound
from hepsets.analyses.delta_c9.comparison import Row
from hepsets.analyses.delta_c9.config import OURS, Config
from hepsets.analyses.delta_c9.detector import DetectorStudy
from hepsets.analyses.delta_c9.figures import background as kstmumu_background_figures
from hepsets.analyses.delta_c9.figures import decays as kstmumu_figures
from hepsets.analyses.delta_c9.figures import intervals as delta_c9_interval_figures
from hepsets.analyses.delta_c9.figures import predictions as delta_c9_figures
from hepsets.analyses.delta_c9.predictions import Key
from hepsets.analyses.delta_c9.result import Result
from hepsets.analyses.delta_c9.samples import DATA, Cell, sample, seed_of
from hepsets.core import config as configuration
from hepsets.core.event_frame import EventFrame
from hepsets.core.measured import Measured
from hepsets.core.run import RunFolder, versions
from hepsets.evaluate.estimates.quality import mean_error
from hepsets.evaluate.estimates.simulation_based_calibration import DRAWS
from hepsets.generate.kstmumu.density import TRAIN_VALUES, VARIABLES, WINDOWS
from hepsets.generate.kstmumu.nuisances import (
    directions,
    fit_profiled,
    profiled_bound,
    theory_shifts,
    theory_uncertainty,
)
from hepsets.generate.kstmumu.observables import afb, s5
from hepsets.generate.kstmumu.sampler import sample_decays
from hepsets.learn.data_sets.event_posterior import EventPosterior
from hepsets.learn.data_sets.exact_likelihood import ExactLikelihood
from hepsets.learn.data_sets.likelihood_estimator import LikelihoodEstimator
from hepsets.learn.data_sets.morphing import Morphing
from hepsets.learn.files import load
from hepsets.report import likelihood_figures, style
from hepsets.report.page import (
    Column,
    Content,
    FigureFiles,
    KeyFigure,
    Listing,
    Page,
    Section,
    Table,
    Value,
    write_page,
)
from hepsets.represent.data_sets.images import ImageScale
from hepsets.represent.data_sets.pools import variable_matrix
from hepsets.select.kstmumu.cuts import SELECTION, efficiency
from hepsets.select.kstmumu.yields import BRANCHING_FRACTION, luminosity_of, window_share

SHOWN = 200
"""Purpose of the events of single data sets that are shown, see ``cells.TRAINING``."""

IMAGE_EVENTS = 200_000
IMAGE_TRUTHS = (0.0, -0.8, -1.5)

YIELD_DECAYS = 50_000
"""Decays that the efficiency behind the luminosity is measured with."""

RUNNING = (1, 10, 100, 1000)
"""Numbers of events after which the running product of posteriors is drawn."""


ONE_VALUE = 1e-3
"""Predictions that spread less are all on one of the values of ΔC9."""


def write_report(config: Config, result: Result, folder: RunFolder) -> None:
    """Write ``report.html`` and the figures."""
    keep = FigureFiles(folder.path / "figures")
    write_page(
        folder.path / "report.html",
        Page(
            title="ΔC9 from B⁰ → K*⁰μ⁺μ⁻",
            summary=_summary(config, result),
            facts=_facts(config),
            key_figures=_key_figures(config, result),
            sections=tuple(_sections(config, result, folder.path / "models", keep)),
        ),
    )


def _chosen(rows: Sequence[Row], **wanted: object) -> list[Row]:
    """Rows whose named fields are as wanted."""
    return [row for row in rows if all(getattr(row, name) == value for name, value in wanted.items())]


def _ours(config: Config, result: Result, level: str) -> Row | None:
    """Our model on the smallest sets at the first truth, in the first window."""
    found = _chosen(
        result.comparison.rows,
        level=level,
        window=config.windows[0],
        model=OURS,
        events=min(config.set_events),
    )
    return found[0] if found else None


def _summary(config: Config, result: Result) -> str:
    row = _ours(config, result, config.levels[0])
    if row is None or row.over_bound is None:
        return "How well ΔC9 is known from sets of decays, by several models, beside the limit of any."
    return (
        f"From {row.events:,} decays at {row.level} level {OURS} finds ΔC9 with a standard deviation of "
        f"{row.quality.spread}, {row.over_bound} times the Cramér–Rao bound."
    )


def _facts(config: Config) -> tuple[tuple[str, str], ...]:
    data = config.data
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
        ("date", date.today().isoformat()),
    )


def _key_figures(config: Config, result: Result) -> tuple[KeyFigure, ...]:
    found = []
    for level in config.levels:
        row = _ours(config, result, level)
        if row is not None and row.over_bound is not None:
            value = f"{row.over_bound.value:.2f} ± {row.over_bound.se:.2f}"
            found.append(KeyFigure(value, f"standard deviation over the bound, {level} level", OURS))
    return tuple(found)


def _sections(config: Config, result: Result, models: Path, keep: FigureFiles) -> Iterator[Section]:
    names = list(dict.fromkeys(row.model for row in result.comparison.rows))
    styles = style.model_styles(names)
    yield Section("Models", tuple(_tables(config, result)))
    if not config.data.train:
        yield Section("What the numbers stand for", tuple(_meaning(config)))
    for title, content in (
        ("Predictions", _predictions(config, result, styles, keep)),
        ("Size of the data set", _sizes(config, result, styles, keep)),
        ("Intervals", _intervals(config, result, styles, keep)),
        ("One data set", _one_set(config, models, styles, keep)),
        ("Data sets that share events", _pools(config, result, styles, keep)),
        ("A shift of q²", _shifts(result, styles, keep)),
        ("Form factors", _nuisances(config, styles, keep)),
    ):
        found = tuple(content)
        if found:
            yield Section(title, found)
    yield from _detector(config, result.detector, keep)
    if "detector" in config.studies:
        yield Section("Images", tuple(_images(config, keep)))
    yield Section(
        "Configuration",
        (
            Listing("config.toml", configuration.to_toml(config)),
            Listing("versions", "\n".join(f"{name} {version}" for name, version in versions().items())),
        ),
    )


def _meaning(config: Config) -> Iterator[Content]:
    """The data set that such numbers of decays take, what a closure test is, and the theory's uncertainty."""
    name = config.windows[0]
    passed = efficiency(WINDOWS[name], 0.0, YIELD_DECAYS, config.seed)
    share = window_share(WINDOWS[name])
    yield (
        "This is a closure test: training and toys come from one simulation, with one theory, one detector "
        "and one background. It says how much a method makes of the decays, not how right the simulation is."
    )
    yield Table(
        (Column("selected decays"), Column("luminosity", "1/ab at Belle II")),
        tuple((events, luminosity_of(events, passed, share)) for events in config.set_events),
        f"Window {name} GeV²: B⁰ → K*⁰μ⁺μ⁻ with a branching fraction of "
        f"({1e7 * BRANCHING_FRACTION.value:.1f} ± {1e7 * BRANCHING_FRACTION.se:.1f})·10⁻⁷, K*⁰ → K⁺π⁻; "
        f"{passed} of the decays in the window are selected, and {100 * share:.0f} % of all lie there.",
    )
    theory = {truth: theory_uncertainty(truth, WINDOWS[name]) for truth in config.truths}
    yield Table(
        (Column("true ΔC9"), *(Column(group, digits=2) for group in next(iter(theory.values())))),
        tuple((_minus(truth), *groups.values()) for truth, groups in theory.items()),
        "What the theory does not know moves ΔC9 by this standard deviation, however many decays there "
        "are; no error in the tables above holds it.",
    )


# -- results -------------------------------------------------------------------------------------------


def _tables(config: Config, result: Result) -> Iterator[Content]:
    yield (
        "Each row is about disjoint simulated data sets. The bound is that of Cramér and Rao, for the shape "
        "of the decay alone; of reconstructed events it is what the true decays behind them would tell, "
        "which no estimator can know. Errors stand in brackets, in units of the last digit."
    )
    least = min(config.set_events)
    for level in dict.fromkeys(row.level for row in result.comparison.rows):
        rows = _chosen(result.comparison.rows, level=level, events=least)
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
                    _minus(row.quality.delta_c9),
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
        return "one value", None, _minus(round(quality.bias.value, 4))
    return quality.spread, row.over_bound, quality.bias


def _named(level: str) -> str:
    return "your data" if level == DATA else f"{level} level"


def _minus(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def _quality(row: Row) -> delta_c9_figures.ToyQuality:
    assert row.sigma is not None
    quality = row.quality
    return delta_c9_figures.ToyQuality(
        quality.delta_c9, row.events, quality.bias, quality.spread, row.sigma, quality.coverage68
    )


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


def _predictions(
    config: Config, result: Result, styles: dict[str, style.Style], keep: FigureFiles
) -> Iterator[Content]:
    least = min(config.set_events)
    for level in config.levels:
        by_model = _by_model(_chosen(result.comparison.linearity, level=level))
        if by_model:
            yield keep(
                f"linearity_{level}",
                delta_c9_figures.linearity(
                    {name: [_quality(row) for row in rows] for name, rows in by_model.items()}, styles
                ),
                f"Predictions at the ΔC9 of testing, {level} level: mean and standard deviation of sets of "
                f"{least:,} signal decays.",
            )
    for cell, predictions in result.predictions.items():
        truth = config.shown_truth(cell.window)
        sigma = _sigma(result.comparison.bounds, cell, truth, least)
        if sigma is None:
            continue
        drawn = {
            key.model: estimates.value
            for key, estimates in predictions.items()
            if key.kind == "toys" and key.delta_c9 == truth and key.events == least
        }
        yield keep(
            f"predictions_{cell.name}",
            delta_c9_figures.prediction_distributions(
                drawn, styles, truth=truth, bound=sigma, exact=drawn.get("exact")
            ),
            f"Predictions for sets of {least:,} signal decays, {cell.level} level, {cell.window} GeV².",
        )


def _sizes(
    config: Config, result: Result, styles: dict[str, style.Style], keep: FigureFiles
) -> Iterator[Content]:
    window = config.windows[0]
    for level in config.levels:
        rows = [
            row
            for row in _chosen(result.comparison.rows, level=level, window=window)
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
        yield keep(
            f"errors_{level}",
            delta_c9_figures.errors_by_size(squared, absolute, styles, bound),
            f"Mean squared and absolute error against the size of the set, {level} level, {window} GeV².",
        )
        yield keep(
            f"spread_{level}",
            delta_c9_figures.spread_and_bias(
                {name: [_quality(row) for row in of_model] for name, of_model in by_model.items()}, styles
            ),
            f"Spread and bias in units of the bound, {level} level, {window} GeV².",
        )


def _intervals(
    config: Config, result: Result, styles: dict[str, style.Style], keep: FigureFiles
) -> Iterator[Content]:
    window = config.windows[0]
    for level in config.levels:
        rows = [
            row
            for row in _chosen(
                result.comparison.rows, level=level, window=window, events=min(config.set_events)
            )
            if row.quality.coverage68 is not None
        ]
        by_model = _by_model(rows)
        if by_model:
            yield keep(
                f"coverage_{level}",
                delta_c9_interval_figures.coverage(
                    {name: [_quality(row) for row in of_model] for name, of_model in by_model.items()}, styles
                ),
                f"How often the 68.3 % interval holds the truth, {level} level, {window} GeV².",
            )
    for cell in result.predictions:
        ranks = {
            model: found.ranks
            for (where, model), found in result.comparison.calibration.items()
            if where == cell
        }
        if ranks:
            yield keep(
                f"calibration_{cell.level}",
                delta_c9_interval_figures.rank_histograms(ranks, styles, draws=DRAWS),
                f"Simulation-based calibration, {cell.level} level: ΔC9 drawn from a flat prior.",
            )


def _one_set(
    config: Config, models: Path, styles: dict[str, style.Style], keep: FigureFiles
) -> Iterator[Content]:
    """Likelihood curves, and running products of posteriors, of one data set at each level."""
    if config.data.train:
        return
    events = min(config.set_events)
    for level in config.levels:
        cell = Cell(level, config.windows[0])
        truth = config.shown_truth(cell.window)
        frame = sample(config, cell, truth, events, seed_of(config, cell, SHOWN))
        estimators: list[LikelihoodEstimator] = []
        if level == "generator" and "exact" in config.models:
            estimators.append(ExactLikelihood(WINDOWS[cell.window], config.morphing.limits))
        path = models / cell.name / "morphing.safetensors"
        if path.exists():
            estimators.append(load(path, Morphing))
        if estimators:
            curves = {}
            for estimator in estimators:
                fit = estimator.infer(frame)
                curves[estimator.name] = likelihood_figures.LikelihoodCurve(
                    fit.delta_c9, -2 * fit.log_likelihood, fit.value, fit.low, fit.high
                )
            yield keep(
                f"likelihood_{level}",
                likelihood_figures.likelihood_curves(curves, styles, truth=truth),
                f"The likelihood of one set of {events:,} signal decays, {level} level.",
            )
        path = models / cell.name / "event_by_event.safetensors"
        if path.exists():
            yield keep(
                f"posteriors_{level}",
                _posteriors(load(path, EventPosterior), frame, truth),
                "The event-by-event model: posteriors of five decays, and products over more and more "
                f"decays, raw and normalised, {level} level.",
            )


def _posteriors(model: EventPosterior, frame: EventFrame, truth: float) -> Figure:
    counts = sorted({*(n for n in RUNNING if n < len(frame)), len(frame)})
    running = {}
    for normalised in (False, True):
        variant = model.variant(normalised=normalised)
        after = variant.running_log_posterior(frame)
        running["normalised" if normalised else "raw"] = {n: np.exp(after[n - 1]) for n in counts}
    return delta_c9_interval_figures.posterior_products(
        model.values, np.exp(model.event_log_posterior(frame[:5])), running, truth=truth
    )


def _pools(
    config: Config, result: Result, styles: dict[str, style.Style], keep: FigureFiles
) -> Iterator[Content]:
    least = min(config.set_events)
    for cell, predictions in result.predictions.items():
        pooled = {key.model: of.value for key, of in predictions.items() if key.kind == "pooled"}
        truth = config.shown_truth(cell.window)
        if not pooled:
            continue
        sigma = _sigma(result.comparison.bounds, cell, truth, least)
        assert sigma is not None
        disjoint = {name: predictions[Key("toys", name, truth, least)].value for name in pooled}
        yield (
            f"The study drew its data sets with replacement from one pool of events. Sets of {least:,} from "
            f"{config.study.pool_events:,} share the pool's own fluctuation: all their predictions are off "
            "by it together, and their spread does not show it."
        )
        yield keep(
            "pools",
            delta_c9_figures.toy_pools(disjoint, pooled, styles, truth=truth, bound=sigma),
            f"Disjoint data sets, and sets from one pool, {cell.level} level, {cell.window} GeV².",
        )


def _shifts(result: Result, styles: dict[str, style.Style], keep: FigureFiles) -> Iterator[Content]:
    if result.comparison.shifts:
        yield "What a small shift of q² between training and test events does to each model."
    for cell, effects in result.comparison.shifts.items():
        yield keep(
            f"q2_shift_{cell.level}",
            delta_c9_figures.shift_effects(effects, styles),
            f"Shift of the prediction, {cell.level} level, {cell.window} GeV².",
        )


def _nuisances(config: Config, styles: dict[str, style.Style], keep: FigureFiles) -> Iterator[Content]:
    if "nuisances" not in config.studies:
        return
    window = WINDOWS[config.windows[0]]
    truth = config.shown_truth(config.windows[0])
    events = max(config.set_events)
    shifts = theory_shifts(truth, window)
    total = theory_uncertainty(truth, window)
    labels = [
        f"{one.group} {1 + [d.group for d in directions()][:i].count(one.group)}"
        for i, one in enumerate(directions())
    ]
    parts = ", ".join(f"{name} {value:.2f}" for name, value in total.items() if name != "total")
    cell = Cell("generator", config.windows[0])
    frame = sample_decays(events, truth, seed_of(config, cell, SHOWN, 1), window=window)
    profiled = fit_profiled(frame, window)
    found = str(profiled.delta_c9).replace("-", "−")
    yield (
        f"Form factors and subleading effects are uncertain: at ΔC9 = {_minus(truth)} they move it by "
        f"{total['total']:.2f} ({parts}), several times the statistical error. Events constrain them a "
        f"little: in a fit in which they float, the bound for {events:,} decays is "
        f"{profiled_bound(truth, window, events):.2f}; one such set gives ΔC9 = {found}."
    )
    fixed = ExactLikelihood(window, config.morphing.limits).infer(frame)
    yield keep(
        "nuisances",
        delta_c9_interval_figures.nuisance_effects(
            {
                name: (Measured(float(shift), 0.0), Measured(-float(shift), 0.0))
                for name, shift in zip(labels, shifts, strict=True)
            },
            {
                "exact": {
                    "fixed": Measured((fixed.high - fixed.low) / 2, 0.0),
                    "floating": Measured(profiled.delta_c9.se, 0.0),
                }
            },
            styles,
        ),
        "Shift of ΔC9 along each direction of the theory's parameters, to first order, and the error of one "
        f"set of {events:,} decays with them fixed and floating.",
    )


# -- the detector --------------------------------------------------------------------------------------


def _detector(config: Config, study: DetectorStudy, keep: FigureFiles) -> Iterator[Section]:
    window = WINDOWS[config.windows[0]]
    if study.efficiency is not None:
        assert study.signal is not None
        assert study.background is not None
        assert study.sideband is not None
        yield Section(
            "Detector and selection",
            (
                f"Of the decays in the window {study.efficiency} are selected.",
                keep(
                    "efficiency",
                    kstmumu_figures.efficiency_curves(
                        study.passed,
                        study.efficiency,
                        vetoes=window.vetoes,
                    ),
                    "Efficiency against the true variables.",
                ),
                keep(
                    "resolution",
                    kstmumu_figures.resolution_histograms(study.differences, study.resolution),
                    "Resolution.",
                ),
                keep(
                    "asymmetries",
                    _asymmetries(study, window.vetoes),
                    "A_FB and S₅ along q²; lines are the theory before any detector. From 8.9 to 14 GeV² it "
                    "is a smooth continuation without its resonances.",
                ),
            ),
        )
        in_region = study.background[: round(study.region_over_sideband * len(study.sideband))]
        signal = study.signal[: round(len(in_region) / config.data.background_over_signal)]
        yield Section(
            "Background",
            (
                "Background is drawn from a smooth model of candidates in simulated B B̄ events.",
                keep(
                    "mbc_delta_e",
                    kstmumu_background_figures.mbc_and_delta_e(
                        {name: signal[name] for name in ("mbc", "delta_e")},
                        {
                            name: np.concatenate([study.sideband[name], in_region[name]])
                            for name in ("mbc", "delta_e")
                        },
                        delta_e_cut=SELECTION.max_delta_e,
                    ),
                    f"Mbc and ΔE of candidates, {config.data.background_over_signal:g} of background to one "
                    "of signal in the signal region. The gap lies between the regions.",
                ),
                keep(
                    "sideband",
                    kstmumu_background_figures.sideband_comparison(
                        {name: study.sideband[name] for name in VARIABLES},
                        {name: study.background[name] for name in VARIABLES},
                    ),
                    "Background in the sideband and in the signal region.",
                ),
            ),
        )
    if study.suppression is not None:
        found = study.suppression
        yield Section(
            "Background suppression",
            (
                f"Boosted trees leave {found.b_over_s_after} background candidates per signal decay in place "
                f"of {found.b_over_s_before:.1f}, and {found.signal_efficiency} of the signal, in what "
                f"{config.study.luminosity:g}/ab should hold.",
                keep(
                    "suppression",
                    kstmumu_background_figures.suppression(
                        {
                            "training": (found.training_signal_scores, found.training_background_scores),
                            "test": (found.signal_scores, found.background_scores),
                        },
                        kstmumu_background_figures.MeritCurve(
                            found.cuts, found.fom_curve, found.cut, found.fom_before
                        ),
                    ),
                    "Output of the trees, and the figure of merit on expected yields.",
                ),
            ),
        )


def _asymmetries(study: DetectorStudy, vetoes: tuple[tuple[float, float], ...]) -> Figure:
    grid = np.linspace(0.1, 19.0, 200)
    truths = list(next(iter(study.asymmetries.values())))
    theory = {
        truth: kstmumu_figures.TheoryCurves(grid, afb(truth, grid), s5(truth, grid)) for truth in truths
    }
    return kstmumu_figures.asymmetries_along_q_squared(theory, study.asymmetries, vetoes=vetoes)


def _images(config: Config, keep: FigureFiles) -> Iterator[Content]:
    cell = Cell("generator", config.windows[0])
    window = WINDOWS[config.windows[0]]
    frames = {
        truth: sample_decays(IMAGE_EVENTS, truth, seed_of(config, cell, SHOWN, 2 + i), window=window)
        for i, truth in enumerate(IMAGE_TRUTHS)
    }
    matrices = {truth: variable_matrix(frame) for truth, frame in frames.items()}
    scale = ImageScale.fit(np.concatenate(list(matrices.values())), config.cnn.bins)
    yield keep(
        "images",
        kstmumu_figures.example_images(
            {
                truth: scale.images(scale.pixels(m), np.arange(len(m)), np.array([0, len(m)]))[0]
                for truth, m in matrices.items()
            }
        ),
        f"Images of {IMAGE_EVENTS:,} decays: mean standardised q² in bins of the angles.",
    )

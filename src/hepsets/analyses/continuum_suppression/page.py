"""The report of a continuum-suppression run: its sections, in the order a reader asks."""

from __future__ import annotations

from collections.abc import Iterator

from hepsets.analyses.continuum_suppression import figures as continuum_figures
from hepsets.analyses.continuum_suppression.comparison import ComparisonResult, ModelResult, is_better
from hepsets.analyses.continuum_suppression.config import BDT, TAG_BDT, TREES, Config
from hepsets.analyses.continuum_suppression.ensemble_page import ensemble_sections
from hepsets.analyses.continuum_suppression.off_resonance_page import off_resonance_sections
from hepsets.analyses.continuum_suppression.recommended import LEAST_P_VALUE, recommended
from hepsets.analyses.continuum_suppression.result import Result
from hepsets.analyses.continuum_suppression.shapes import GenericSignal
from hepsets.analyses.continuum_suppression.summary import TITLES, first_warnings, notes_of
from hepsets.core.measured import Measured, per_cent
from hepsets.report import figures as shared_figures
from hepsets.report import style
from hepsets.report.page import (
    Column,
    Content,
    FigureFiles,
    KeyFigure,
    Page,
    Section,
    Table,
    configuration,
)


def make_page(result: Result, figures: FigureFiles) -> Page:
    """The page, out of what the run found alone."""
    if result.samples.made_here:
        figures = figures.of_simulation()
    best = recommended(result.models)
    return Page(
        docs="continuum_suppression",
        title="Continuum suppression",
        summary=" ".join((*first_warnings(result), _summary(result, best))),
        facts=_facts(result),
        key_figures=_key_figures(result.config, best),
        sections=tuple(sections(result, figures)),
    )


def _percent(value: Measured) -> str:
    return f"{per_cent(value, 1)} %"


def _less(gain: Measured) -> str:
    if gain.value < 0:
        return f"{_percent(Measured(-gain.value, gain.se))} more"
    return f"{_percent(gain)} less"


def _summary(result: Result, best: ModelResult) -> str:
    at = f"{100 * result.config.signal_efficiency:g} %"
    left = _percent(best.left.background)
    if best.name == BDT:
        return f"At {at} signal efficiency the boosted trees leave {left} of the background."
    lead = result.lead
    where = {"shape_only": "by the shape of the event alone (candidates wrong in signal and background) "}
    text = (
        f"At {at} signal efficiency {where.get(lead.name, '')}{best.name} leaves {_less(best.gain)} "
        "background than boosted trees on the thirty classic variables"
    )
    if best.gain_over_tag is not None:
        text += f", and {_less(best.gain_over_tag)} than trees that also know the tag's quality"
    if "multi_deep_sets" in lead.by_name:
        text += f"; multi_deep_sets {_less(lead.by_name['multi_deep_sets'].gain)} than the former"
    text += ". " + _crown(lead, best)
    others = [
        f"{TITLES[name][0].lower()}{TITLES[name][1:]}: {_less(recommended(one.models).gain)}"
        for name, one in result.comparisons.items()
        if name != lead.name
    ]
    return (
        f"{text} Elsewhere {best.name} leaves, compared with the first trees: {'; '.join(others)}."
        if others
        else text
    )


def _crown(lead: ComparisonResult, best: ModelResult) -> str:
    """Whether our model is the best by more than two paired errors; one training of it cannot tell."""
    if not best.seed_gains:
        return "Each model was trained once, so none is called best."
    rivals = [one.name for one in lead.models if one.name != best.name and not is_better(best, one)]
    better = [name for name in rivals if is_better(lead.by_name[name], best)]
    if better:
        return f"{' and '.join(better)} leave less."
    if rivals:
        return f"It cannot be told from {' and '.join(rivals)} (less than two paired errors)."
    return "No other model leaves as little (two paired errors)."


def _facts(result: Result) -> tuple[tuple[str, str], ...]:
    config, data = result.config, result.config.data
    source = "generated here" if result.samples.made_here else ", ".join((*data.train, *data.test))
    held = f"{100 * config.fit.validation_fraction:.0f} %"
    return (
        ("events", source),
        ("training", f"{result.lead.training.all:,} events, {held} of them for validation"),
        ("test", f"{result.lead.test.all:,} events"),
        ("scale", config.scale),
        ("seed", str(config.seed)),
        ("date", result.origin.date),
    )


def _key_figures(config: Config, best: ModelResult) -> tuple[KeyFigure, ...]:
    at = f"at {100 * config.signal_efficiency:g} % signal efficiency"
    left = best.left.background
    found = [
        KeyFigure(_percent(left), f"background left {at}", best.name),
        KeyFigure(f"{best.auc.value:.3f}", "area under the ROC curve", best.name),
    ]
    if best.gain_over_tag is not None:
        found.insert(0, KeyFigure(_percent(best.gain_over_tag), f"less background than {TAG_BDT}", best.name))
    if best.name != BDT:
        found.insert(0, KeyFigure(_percent(best.gain), f"less background than {BDT}", best.name))
    if "mbc" in best.sculpting:
        p_value = best.sculpting["mbc"].p_value
        shown = f"{p_value:.2f}" if p_value >= LEAST_P_VALUE else f"{p_value:.1g}"
        found.append(KeyFigure(shown, "p-value, Mbc sculpting", best.name))
    return tuple(found)


def sections(result: Result, figures: FigureFiles) -> Iterator[Section]:
    """All sections; what was not looked at has none."""
    config = result.config
    models = result.lead.by_name
    styles = style.model_styles(list(models))
    for name, comparison in result.comparisons.items():
        yield Section(
            TITLES[name], tuple(_comparison(config, comparison, styles, figures, name == result.lead.name))
        )
        if name == result.lead.name and len(result.comparisons) > 1:
            yield Section("All comparisons", (_all_gains(result, styles, figures),))
    yield Section("The thirty variables", tuple(_variables(result, figures)))
    if result.lead.models[0].sculpting:
        yield Section("Independence of Mbc and ΔE", tuple(_independence(config, result, styles, figures)))
    yield from off_resonance_sections(config, result.off_resonance, result.recovered, figures)
    yield from _trust(config, result, styles, figures)
    if result.samples.told:
        yield Section("Your files", result.samples.told)
    yield Section(
        "Calibration",
        (
            figures(
                "calibration",
                shared_figures.calibration_curves(
                    {n: m.calibration for n, m in models.items()}, styles, share="share that is signal"
                ),
                "Share of signal against mean score in the test sample, half of which is signal.",
            ),
        ),
    )
    yield from ensemble_sections(result.ensembles.get(result.lead.name, ()), styles, figures)
    yield Section("Training", tuple(_training(models, styles, figures)))
    yield configuration(config, result.origin)


REASONS = {
    "shape_only": (
        "Signal is B B̄ whose best tag candidate is not correct, background e⁺e⁻ → q q̄, where none is: "
        "candidates are chance combinations in both, so what is left to see is the shape of the event."
    ),
    "quality_80": "Signal is B B̄ with a correct tag; both are cut on the tag's signal probability.",
    "quality_50": "The same with a tighter cut: what passes in continuum looks ever more like a tag.",
    "rho_rho": (
        "Signal is B⁺ → ρ⁺ρ⁰, background continuum and chance combinations of B B̄ as they occur. Sets see "
        "the pions too, not the shape of the event alone."
    ),
    "tagged": (
        "Signal is B B̄ with a correct tag, background continuum with any candidate. Half of what tells them "
        "apart is the candidate: compare with bdt_with_tag, not with bdt."
    ),
}


def _comparison(
    config: Config,
    result: ComparisonResult,
    styles: dict[str, style.Style],
    figures: FigureFiles,
    leads: bool,
) -> Iterator[Content]:
    """Table and figures of one comparison; background curves of the one that leads alone."""
    models = result.by_name
    yield REASONS.get(result.name, "")
    yield _table(config, result)
    yield " ".join(notes_of(result))
    if leads:
        yield figures(
            "background",
            continuum_figures.background_curves(
                {name: model.curve for name, model in models.items()},
                {n: m.left.background for n, m in models.items()},
                styles,
                marked=config.signal_efficiency,
            ),
            "Background left against signal efficiency on the test events. Bands: one standard error.",
        )
    if len(models) > 1:
        yield figures(
            "ratio" if leads else f"ratio_{result.name}",
            continuum_figures.background_ratios(
                {name: model.ratio for name, model in models.items() if name != BDT},
                BDT,
                styles,
                marked=config.signal_efficiency,
            ),
            "Background left over that of the boosted trees, on the same events, with paired errors.",
        )


_SHORT = {
    "shape_only": "shape only",
    "quality_80": "tag cut, 80 %",
    "quality_50": "tag cut, 50 %",
    "rho_rho": "B⁺ → ρ⁺ρ⁰",
}


def _all_gains(result: Result, styles: dict[str, style.Style], figures: FigureFiles) -> Content:
    return figures(
        "gains",
        continuum_figures.gains(
            {
                _SHORT.get(name, name): {m.name: m.gain for m in one.models if m.name != BDT}
                for name, one in result.comparisons.items()
            },
            BDT,
            styles,
            signal_efficiency=result.config.signal_efficiency,
        ),
        "How much less background each model leaves than boosted trees on the thirty variables, in each "
        "comparison. Bars: one paired standard error of the test sample.",
    )


def _training(
    models: dict[str, ModelResult], styles: dict[str, style.Style], figures: FigureFiles
) -> Iterator[Content]:
    for name, shown, steps in (
        ("training", [n for n in models if n not in TREES], "epoch"),
        ("training_trees", [n for n in models if n in TREES], "trees"),
    ):
        if shown:
            curves = {
                n: shared_figures.TrainingCurve(list(h.train), list(h.validation), h.best)
                for n, h in ((n, models[n].history) for n in shown)
            }
            yield figures(
                name,
                shared_figures.training_curves(curves, styles, steps=steps),
                "Loss on training (dashed) and validation events (solid); the circle marks what was kept.",
            )


def _table(config: Config, result: ComparisonResult) -> Content:
    rows = []
    for model in result.models:
        mbc, sculpted = model.dependence.get("mbc"), model.sculpting.get("mbc")
        spread = model.seed_spread
        rows.append(
            (
                model.name,
                model.parameters,
                model.auc,
                model.left.background,
                None if model.name == BDT else model.gain,
                model.gain_over_tag,
                None if spread is None else spread,
                None if mbc is None else mbc.value,
                None if sculpted is None else sculpted.p_value,
            )
        )
    best = recommended(result.models)
    return Table(
        (
            Column("model"),
            Column("parameters", "or trees"),
            Column("AUC"),
            Column("background left", f"at {100 * config.signal_efficiency:g} %"),
            Column("less than bdt", "1 − ratio"),
            Column("less than bdt_with_tag", "1 − ratio"),
            Column("seeds", "spread of less than bdt", digits=3),
            Column("dCorr", "score, Mbc"),
            Column("sculpting", "p-value", digits=3),
        ),
        tuple(rows),
        highlight=[model.name for model in result.models].index(best.name),
    )


def _variables(result: Result, figures: FigureFiles) -> Iterator[Content]:
    found = result.shapes
    yield figures(
        "variables",
        continuum_figures.variable_distributions(found.values, found.label, found.weight),
        "The thirty variables in signal and background, each normalised to one.",
    )
    yield figures(
        "correlations",
        continuum_figures.correlation_matrices(found.values, found.label, found.weight),
        "Linear correlations.",
    )
    if result.generic is not None:
        yield from _enriched_and_generic(result.generic, figures)


def _enriched_and_generic(found: GenericSignal, figures: FigureFiles) -> Iterator[Content]:
    """Signal with one forced decay against signal without: p-values of Kolmogorov and Smirnov's test."""
    p_values, fed = found.p_values, found.fed
    smallest = min(p_values, key=lambda name: p_values[name])
    yield (
        "Correct tags are rare, so one B of each signal event was made to decay as the tag wants it, in "
        f"proportion to the branching fractions. Beside it {int((~found.enriched).sum()):,} correctly tagged "
        "events in which both B decayed by themselves: the smallest of thirty p-values (Kolmogorov–Smirnov) "
        f"is {p_values[smallest]:.3f}, for {smallest}; among thirty such a one comes by chance in "
        f"{100 * (1 - (1 - p_values[smallest]) ** len(p_values)):.0f} % of cases. "
        "Modes with 3ππ⁰ are left out here: quarks that fragment "
        f"also end in them, and they are {100 * fed[1]:.0f} % of generic and {100 * fed[0]:.0f} % of "
        "enriched signal."
    )
    yield figures(
        "generic",
        continuum_figures.variable_distributions(
            found.values,
            found.enriched,
            names=("enriched signal", "generic signal"),
            notes={name: f"p = {p:.2f}" for name, p in p_values.items()},
        ),
        "The thirty variables in enriched and in generic signal.",
    )


def _independence(
    config: Config, result: Result, styles: dict[str, style.Style], figures: FigureFiles
) -> Iterator[Content]:
    models = {model.name: model for model in result.models}
    shown = {n: list(m.sculpting.values()) for n, m in models.items() if n in config.trust_models}
    yield (
        "Signal yields are fitted in Mbc and ΔE over a background whose shape comes from elsewhere: a score "
        "that knows these makes background look like signal. Distance correlation finds any dependence, the "
        "test compares the shape that the cut leaves with that of all background."
    )
    yield figures(
        "sculpting",
        continuum_figures.sculpting_histograms(shown or {BDT: list(models[BDT].sculpting.values())}, styles),
        "All background (grey) and what is left of it (points), with their ratio below and the p-value of "
        "the test that the cut ignores the observable.",
    )
    if result.trust.disco:
        yield figures(
            "disco",
            continuum_figures.penalty_costs(
                {config.disco.model: result.trust.disco},
                styles,
                signal_efficiency=config.signal_efficiency,
            ),
            "What a penalty on distance correlation with Mbc in training (DisCo) costs.",
        )


def _trust(
    config: Config, result: Result, styles: dict[str, style.Style], figures: FigureFiles
) -> Iterator[Section]:
    trust = result.trust
    if trust.unseen:
        by_mode: dict[str, dict[str, Measured]] = {}
        for row in trust.unseen:
            by_mode.setdefault(row.mode, {})[row.model] = row.efficiency
        yield Section(
            "Decay modes never seen",
            (
                "Each mode was left out of training, in signal and in background, and the cut set on the "
                "others.",
                figures(
                    "unseen_modes",
                    continuum_figures.unseen_modes(
                        by_mode, styles, signal_efficiency=config.signal_efficiency
                    ),
                    "Signal efficiency in the mode that was left out.",
                ),
            ),
        )
    if trust.shifted:
        by_shift: dict[str, dict[str, Measured]] = {}
        for shifted in trust.shifted:
            by_shift.setdefault(shifted.shift, {})[shifted.model] = shifted.background
        yield Section(
            "Another detector",
            (
                "Data and simulation differ. Models as trained, on events that other detectors saw: with a "
                "shifted momentum scale, worse resolution, worse identification, more beam background.",
                figures(
                    "shifted_detectors",
                    continuum_figures.shifted_detectors(
                        by_shift, styles, signal_efficiency=config.signal_efficiency
                    ),
                    "Background left by each model in each detector, on the same events; cuts set anew.",
                ),
            ),
        )
    if trust.importance:
        drawn = [
            figures(
                f"importance_{name}",
                continuum_figures.importance_bars(groups, signal_efficiency=config.signal_efficiency),
                f"{name}: growth of the background left when an input comes from another event.",
            )
            for name, groups in trust.importance.items()
        ]
        yield Section("What the models look at", tuple(drawn))

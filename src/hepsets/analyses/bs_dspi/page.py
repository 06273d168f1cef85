"""The report of a run: its sections, in the order a reader asks."""

from __future__ import annotations

from collections.abc import Iterator

from hepsets.analyses.bs_dspi.checks import Isolation
from hepsets.analyses.bs_dspi.cut import ChosenCut
from hepsets.analyses.bs_dspi.figures.selection import (
    importance_figure,
    roc_figure,
    scan_figure,
    score_figure,
    sculpting_figure,
    sideband_figure,
)
from hepsets.analyses.bs_dspi.figures.unfolded import unfolded_figure
from hepsets.analyses.bs_dspi.mass_fits import JudgedFit
from hepsets.analyses.bs_dspi.oscillation import TRUTH, Oscillation
from hepsets.analyses.bs_dspi.page_published import published_section
from hepsets.analyses.bs_dspi.result import Result
from hepsets.analyses.bs_dspi.reweighted import Reweighted
from hepsets.analyses.bs_dspi.summary import auc_text, fits_of, mev
from hepsets.analyses.bs_dspi.unfolded import UnfoldedSignal
from hepsets.core.measured import Measured, per_cent
from hepsets.evaluate.scores.sideband import SidebandTest
from hepsets.report.decay_time_figures import decay_time_figure, oscillation_figure
from hepsets.report.mass_fit_figures import fit_picture_figure, toy_figure
from hepsets.report.page import Column, Content, FigureFiles, KeyFigure, Page, Section, Table, configuration

MASS = "$m(D_s\\pi)$"
"""Label of the mass."""

MODES = {
    "0": "$D_s \\to \\phi\\pi$",
    "1": "$D_s \\to K^*K$",
    "2": "neither $\\phi\\pi$ nor $K^*K$",
}
"""Titles of the categories of the fits."""

PARTS = {
    "signal": "$B_s \\to D_s\\pi$",
    "exponential": "combinations, exponential",
    "constant": "combinations, constant",
    "misidentified": "misidentified track",
    "below": "partly reconstructed",
}
"""What the components of the fits are called in figures."""

KINDS = {
    "bs_dspi": "Bₛ → Dₛπ",
    "lhcb_bbbar": "combinations",
    "b0_dpi": "B⁰ → D⁻π⁺",
    "lb_lcpi": "Λ_b → Λ_cπ",
    "bs_dsstpi": "Bₛ → Dₛ*π",
    "bs_dsrho": "Bₛ → Dₛρ",
    "bs_dsk": "Bₛ → DₛK",
    "b0_dspi": "B⁰ → Dₛπ",
}
"""What the samples are called."""

_MANY = 3000
"""Decays from which on their times are drawn in bins of 50 fs."""

GENERATED = 5.36693
"""Mass of the B_s in simulation [GeV]."""


def make_page(result: Result, figures: FigureFiles) -> Page:
    """The page, out of what the run found alone."""
    if not result.config.data.train:
        figures = figures.of_simulation()
    return Page(
        docs="bs_dspi",
        title="Bₛ → Dₛπ",
        summary=_summary(result),
        facts=_facts(result),
        key_figures=_key_figures(result),
        sections=tuple(sections(result, figures)),
    )


def sections(result: Result, figures: FigureFiles) -> Iterator[Section]:
    """All sections; what was not looked into has none."""
    yield Section("The peak, before and after", tuple(_fits(result, figures)))
    notes = [f"{note[0].upper()}{note[1:]}." for note in result.samples.notes]
    yield Section("Candidates", (*([" ".join(notes)] if notes else []), _samples(result)))
    yield Section("Trees that select", tuple(_classifier(result, figures)))
    yield Section("The cut", tuple(_cut(result, figures)))
    yield Section("Does the cut sculpt the mass?", tuple(_sculpting(result, figures)))
    if result.checks.sideband is not None:
        yield Section(
            "Does the sideband stand for the peak?", tuple(_sideband(result.checks.sideband, figures))
        )
    if result.reweighted.before is not None:
        yield Section("Simulation beside data", (_reweighting(result.reweighted),))
    if result.checks.isolation is not None:
        yield Section("Isolation", tuple(_isolation(result.checks.isolation)))
    if result.unfolded is not None:
        yield Section("The signal's transverse momentum", tuple(_unfolded(result.unfolded, figures)))
    if result.oscillation is not None:
        yield Section("Oscillation", tuple(_oscillation(result.oscillation, figures)))
    if result.published is not None:
        yield published_section(result.published, figures, MASS)
    yield configuration(result.config, result.origin)


def _summary(result: Result) -> str:
    after, before = result.fits.after, result.fits.before
    said = f"{after.signal} Bₛ → Dₛπ decays at {mev(after.mean)} MeV."
    if after.s_over_b is not None and before.s_over_b is not None:
        said += (
            f" Signal over background within three widths grows from {before.s_over_b} to {after.s_over_b},"
        )
        said += f" while vetoes and cut keep {per_cent(result.signal_efficiency, 1)} % of the signal."
    return said


def _facts(result: Result) -> tuple[tuple[str, str], ...]:
    value = result.samples.luminosity
    luminosity = (("luminosity", f"{1e3 * value:.3g} per pb"),) if value else ()
    return (
        ("data", f"{result.samples.data:,} candidates"),
        *luminosity,
        ("folds", str(result.classifier.folds)),
        ("scale", result.config.scale),
        ("seed", str(result.config.seed)),
        ("date", result.origin.date),
    )


def _key_figures(result: Result) -> tuple[KeyFigure, ...]:
    after = result.fits.after
    found = [
        KeyFigure(str(after.signal), "signal decays", f"{after.truth} are there" if after.truth >= 0 else ""),
        KeyFigure(f"{mev(after.mean)} MeV", "mass", f"generated at {1e3 * GENERATED:.2f}"),
        KeyFigure(f"{per_cent(result.signal_efficiency, 1)} %", "of the signal kept"),
    ]
    if after.s_over_b is not None:
        found.insert(
            2, KeyFigure(str(after.s_over_b), "S/B in 3 σ", f"before: {result.fits.before.s_over_b}")
        )
    return tuple(found)


CAPTION = (
    "{what}: {fit.signal} signal decays{truth} at {mean} MeV, {width} MeV wide{quality}. Candidates (bins "
    "without any have no point), the fit with its components, and (candidates − fit)/error, by what the Dₛ "
    "decays through; mean and width are {how}."
)


def _caption(fit: JudgedFit, what: str) -> str:
    good = fit.goodness
    return CAPTION.format(
        what=what,
        fit=fit,
        truth=f" ({fit.truth} are there)" if fit.truth >= 0 else "",
        mean=mev(fit.mean),
        width=mev(fit.sigma),
        how="held at those of simulation, not measured" if fit.held else "common to all",
        quality="" if good.chi2 is None else f", χ²/ndf {good.chi2:.1f}/{good.ndf}",
    )


def _fits(result: Result, figures: FigureFiles) -> Iterator[Content]:
    yield _table(result)
    for name, fit, what in (
        ("before", result.fits.before, "Before vetoes and cut"),
        ("after", result.fits.after, "After both"),
        ("best", result.fits.best, "After the tight cut"),
    ):
        drawn = fit_picture_figure(fit.picture, MASS, titles=MODES, names=PARTS)
        yield figures(f"mass_{name}", drawn, _caption(fit, what))
        if told := _notes(fit):
            yield told
    yield _parameters(result.fits.after)
    if result.fits.after.toys is not None:
        toys = result.fits.after.toys
        yield figures(
            "toys",
            toy_figure(toys, {f"signal[{mode}]": f"signal, {title}" for mode, title in MODES.items()}),
            f"Pulls in {toys.count} pseudo-experiments like the fit after the cut, fitted alike in "
            f"{toys.seconds:.0f} s; {toys.failed} more did not come out. The curve is the normal "
            "distribution: a mean off 0 is a bias, a width off 1 a wrong error.",
        )


def _table(result: Result) -> Table:
    columns = (
        Column("fit"),
        Column("mean", "MeV"),
        Column("width", "MeV"),
        Column("signal"),
        Column("true signal", "in the range"),
        Column("S", "in 3 widths"),
        Column("B", "in 3 widths"),
        Column("S/B"),
        Column("χ²", digits=1),
        Column("ndf"),
        Column("p", digits=3),
    )
    rows = []
    for name, fit in fits_of(result):
        good = fit.goodness
        rows.append(
            (
                f"{name} (mean and width held)" if fit.held else name,
                mev(fit.mean), mev(fit.sigma), fit.signal, fit.truth if fit.truth >= 0 else None,
                fit.in_window, fit.background, fit.s_over_b, good.chi2,
                good.ndf if good.ndf > 0 else None, good.p_value,
            )
        )  # fmt: skip
    return Table(columns, tuple(rows), highlight=1)


def _notes(fit: JudgedFit) -> str:
    said = [f"{one} is on its limit: its error is not known." for one in fit.at_limits]
    if fit.growth > 1.005:
        said.append(
            "Combinations that share a Dₛ or tracks are not independent: errors count their families, "
            f"which makes that of the yield {fit.growth:.2f} times that of the likelihood."
        )
    said += [f"{note[0].upper()}{note[1:]}." for note in fit.remarks]
    said += [
        f"Some {number:.1f} candidates that are {name} are expected: too few, there or in simulation, for "
        "a template."
        for name, number in fit.left_out.items()
        if number > 0
    ]
    return " ".join(said)


def _parameters(fit: JudgedFit) -> Table:
    rows = []
    for one in fit.parameters:
        interval = "" if one.below is None or one.above is None else f"−{one.below:.3g} +{one.above:.3g}"
        rows.append((one.name, one.value if one.state != "fixed" else one.value.value, one.state, interval))
    return Table(
        (Column("parameter", "GeV"), Column("value"), Column("state"), Column("MINOS")),
        tuple(rows),
        "Parameters of the fit after the cut.",
    )


def _samples(result: Result) -> Table:
    facts = result.samples
    rows = tuple(
        (
            KINDS.get(name, name),
            number,
            _scaled(facts.efficiency.get(name), 100),
            facts.expected.get(name),
            _scaled(facts.kept.get(name), 100),
        )
        for name, number in facts.simulated.items()
    )
    return Table(
        (
            Column("decay"),
            Column("simulated", "candidates"),
            Column("efficiency", "%, of 2 < η < 5"),
            Column("expected", "in data"),
            Column("kept", "%, by vetoes and cut"),
        ),
        rows,
    )


def _scaled(value: Measured | None, factor: float) -> Measured | None:
    return None if value is None else Measured(factor * value.value, factor * value.se)


def _classifier(result: Result, figures: FigureFiles) -> Iterator[Content]:
    found = result.classifier
    yield (
        f"Simulated signal against data above {result.config.classifier.sideband[0]:g} GeV: AUC "
        f"{auc_text(found.auc)}. "
        f"All candidates of one parton event are in one of {found.folds} folds, and the trees that score a "
        "fold were "
        f"grown without it ({', '.join(str(n) for n in found.trees)} trees)."
    )
    yield figures(
        "scores",
        score_figure(
            found.signal_scores,
            found.sideband_scores,
            result.cuts.chosen.threshold,
            ("simulated signal", "sideband of data"),
        ),
        "Scores of simulated signal and of the sideband, each by trees that saw no relative of the "
        f"candidate. The cut, at {result.cuts.chosen.threshold:.3f}, keeps "
        f"{per_cent(result.cuts.chosen.efficiency, 1)} % of the signal and "
        f"{per_cent(result.cuts.chosen.false_rate, 2)} % of combinations.",
    )
    yield figures(
        "roc",
        roc_figure(found.quality, found.auc, ("share of simulated signal", "share of the sideband")),
        f"Signal kept against sideband kept: area {auc_text(found.auc)}.",
    )
    if result.checks.importance:
        yield figures(
            "importance",
            importance_figure(result.checks.importance),
            "Area under the ROC curve that is lost if a group of variables is exchanged between candidates: "
            f"most without {max(result.checks.importance, key=lambda one: one.loss.value).name}.",
        )
    order = sorted(found.gains, key=lambda one: -found.gains[one])[:12]
    yield Table(
        (Column("variable"), Column("gain", "% of all", 1)),
        tuple((one, 100 * found.gains[one]) for one in order),
        "By how much splits on a variable lowered the training loss, mean over folds.",
    )


def _cut(result: Result, figures: FigureFiles) -> Iterator[Content]:
    cut, tight, low = result.cuts.chosen, result.cuts.tight, result.config.cut.sideband[0]
    if result.samples.expected:
        signal = f"{cut.expected_signal} decays from cross-section, branching fractions and efficiency"
    elif result.config.fit.blind:
        signal = "a blinded number of decays"
    else:
        signal = f"{cut.expected_signal} decays"
    yield (
        f"S and B are expected numbers within three widths of the peak: {signal}, and "
        f"{cut.expected_background} of background from the fit before the cut{_of_physical(cut)}. Which "
        "share vetoes and a cut keep together is told by simulation and, for combinations, by the "
        f"{cut.sideband_candidates} candidates above {low:g} GeV, none of which is fitted; all shares are "
        f"of candidates before both. The best cut is {cut.threshold:.3f}; any from "
        f"{cut.scan.plateau[0]:.3f} to {cut.scan.plateau[1]:.3f} is as good within the error of the figure."
    )
    yield figures(
        "cut",
        scan_figure(cut, tight),
        f"Left: the figure of merit, greatest at {cut.threshold:.3f}: {cut.merit}. Right: combinations kept "
        f"against signal kept; the cut keeps {per_cent(cut.false_rate, 2)} % of combinations, the tight one "
        f"{per_cent(tight.false_rate, 2)} %.",
    )
    yield Table(
        (
            Column("cut"), Column("least score", digits=3), Column("signal kept", "%"),
            Column("combinations kept", "%"), Column("factor", "of signal over combinations"),
        ),
        tuple(
            (name, one.threshold, _scaled(one.efficiency, 100), _scaled(one.false_rate, 100), one.factor)
            for name, one in (("best figure of merit", cut), ("tight", tight))
        ),
    )  # fmt: skip


def _of_physical(cut: ChosenCut) -> str:
    if cut.expected_physical is None or cut.physical_rate is None:
        return ""
    return (
        f", {cut.expected_physical} of it physical, of which simulation says that "
        f"{per_cent(cut.physical_rate, 1)} % are kept"
    )


def _sculpting(result: Result, figures: FigureFiles) -> Iterator[Content]:
    found = result.checks.sculpting
    worst = min(one.p_value for one in found.values())
    yield (
        "A cut that knows the mass would make a peak of combinations. Their mass after a cut that keeps as "
        "much "
        "of the signal is compared with that of what it rejects, for the trees that select and for trees "
        "that "
        f"see no momenta; {'no' if worst > 0.01 else 'a'} difference is seen. Combinations share Dₛ and "
        "tracks: "
        "families of them count once, where there are enough; the naive p-value takes all for independent."
    )
    drawn = sculpting_figure(found)
    told = ", ".join(f"p = {one.p_value:.2g} for {name}" for name, one in found.items())
    yield figures("sculpting", drawn, f"Mass of combinations before and after the cut: {told}.")
    yield Table(
        (
            Column("model"),
            Column("kept"),
            Column("families"),
            Column("p", digits=3),
            Column("p", "if all were independent", digits=3),
        ),
        tuple(
            (name, one.bias.kept_events, one.families, float(one.p_value), float(one.bias.p_value))
            for name, one in found.items()
        ),
    )


def _sideband(found: SidebandTest, figures: FigureFiles) -> Iterator[Content]:
    ratio = "" if found.ratio is None else f": the first over the second is {found.ratio}"
    yield (
        "Trees learn background above the peak, and the cut's background is told from there. Of true "
        "combinations "
        f"the cut keeps {per_cent(found.peak_efficiency, 2)} % under the peak and "
        f"{per_cent(found.sideband_efficiency, 2)} % in the sideband{ratio}. Scores are alike with p = "
        f"{found.p_value:.2g}; candidates that share tracks count once ({found.families} families)."
    )
    drawn = sideband_figure(found)
    caption = "Scores of true combinations under the peak and in the sideband, alike with"
    yield figures("sideband", drawn, f"{caption} p = {found.p_value:.2g}.")


def _reweighting(found: Reweighted) -> Table:
    rows = tuple(
        (name, one.auc, float(one.p_value), float(one.effective_size))
        for name, one in (("as generated", found.before), ("reweighted", found.after))
        if one is not None
    )
    return Table(
        (
            Column("simulation"),
            Column("AUC", "0.5: like data"),
            Column("p", digits=3),
            Column("effective size", digits=0),
        ),
        rows,
        f"How well trees tell simulated signal from data (sWeights) by {', '.join(found.variables)}: half "
        "of all "
        "parton events make the weights, the other half judges.",
    )


def _isolation(found: Isolation) -> Iterator[Content]:
    yield (
        f"Isolation alone, in {found.signal:,} simulated signal and {found.background:,} sideband "
        "candidates: trees on "
        "the asymmetry of p_T in a cone and the least growth of the vertex's χ² by one more track, a "
        "network on the "
        "set of all tracks around, and a network with both. Folds are those of the trees that select."
    )
    names = {
        "classic": "trees, classic variables",
        "learnt": "network, tracks around",
        "both": "network, both",
    }
    yield Table(
        (Column("model"), Column("AUC"), Column("gain", "over classic")),
        tuple((names[name], auc, found.gain.get(name)) for name, auc in found.auc.items()),
    )


def _unfolded(found: UnfoldedSignal, figures: FigureFiles) -> Iterator[Content]:
    tests = "; ".join(
        f"in {name} Kendall's τ is {one.tau:.3f} ± {one.tau_se:.3f}" for name, one in found.factorises.items()
    )
    yield (
        "Data after the cut, weighted by sWeights from the mass alone, beside simulated decays that pass the "
        "same selection and were made with another seed. The weights hold where the variable does not "
        "depend on "
        f"the mass: {tests}. Weights with integrated matrix elements give bins that differ by at most "
        f"{100 * found.classic_to_fitted:.1f} % of the largest."
    )
    drawn = unfolded_figure(found, "$p_T(D_s\\pi)$", "GeV")
    caption = "Transverse momentum of the signal by sWeights and in simulation, alike with"
    yield figures("unfolded", drawn, f"{caption} p = {found.agreement.p_value:.2g}, and their ratio.")


def _oscillation(found: Oscillation, figures: FigureFiles) -> Iterator[Content]:
    fit = found.fit
    said = (
        f"Δm_s = {fit.delta_m} per ps, generated {TRUTH:g}, from {fit.tagged:,} tagged of the "
        f"{len(found.decays):,} "
        "simulated decays that pass the selection; no unbiased estimate from them has an error below "
        f"{fit.bound:.3f}. Tags are drawn from the true flavours with a power of {100 * fit.power:.1f} %; "
        "errors of "
        f"decay times are multiplied by {found.scale:.2f}, as simulation asks."
    )
    if found.in_data is not None:
        notes = "; ".join(found.in_data.notes())
        by = f"mass and decay time, in {found.time_bins} bins" if found.time_bins > 1 else "mass alone"
        said += (
            f" The data hold few tagged decays: {found.in_data.delta_m} per ps"
            + (f" ({notes})" if notes else "")
            + f", each with its probability to be signal by {by}."
        )
    yield said
    bins = 100 if len(found.decays) > _MANY else 50
    drawn = decay_time_figure(found.decays, fit, found.acceptance, bins=bins)
    yield figures("decay_times", drawn, "Decay times of unmixed, mixed and untagged simulated decays.")
    drawn = oscillation_figure(found.decays, fit, truth=TRUTH)
    caption = "The asymmetry folded to one period, and the likelihood by frequency, least at"
    yield figures("oscillation", drawn, f"{caption} {fit.delta_m} per ps (generated: {TRUTH:g}).")

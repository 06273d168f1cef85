"""The table of a run, on the terminal and as markdown."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from hepsets.analyses.bs_dspi.mass_fits import JudgedFit
from hepsets.analyses.bs_dspi.oscillation import TRUTH
from hepsets.analyses.bs_dspi.result import Result
from hepsets.core.measured import Measured, per_cent
from hepsets.core.text_tables import aligned, markdown_table, terminal_table

HEADINGS = ("fit", "mean [MeV]", "width [MeV]", "signal", "true", "S/B in 3 σ", "χ²/ndf")


def fits_of(result: Result) -> Iterator[tuple[str, JudgedFit]]:
    """The fits of a run, named, those of the coursework last."""
    yield "before the cut", result.fits.before
    yield "after the cut", result.fits.after
    yield "after the tight cut", result.fits.best
    if result.published is not None:
        yield "as published, before", result.published.before
        yield "as published, after", result.published.after


def rows_of(result: Result) -> Iterator[tuple[str, ...]]:
    """The table under :data:`HEADINGS`."""
    for name, fit in fits_of(result):
        good = fit.goodness
        yield (
            name,
            str(mev(fit.mean)) + (" (held)" if "mean" in fit.held else ""),
            str(mev(fit.sigma)) + (" (held)" if fit.held else " (limit)" if fit.at_limits else ""),
            str(fit.signal),
            str(fit.truth) if fit.truth >= 0 else "",
            "" if fit.s_over_b is None else str(fit.s_over_b),
            "" if good.chi2 is None else f"{good.chi2:.1f}/{good.ndf}",
        )


def mev(value: Measured) -> Measured:
    """A mass in MeV."""
    return Measured(1e3 * value.value, 1e3 * value.se)


def auc_text(value: Measured) -> str:
    """An area close to one, with four decimals."""
    return f"{value.value:.4f} ± {value.se:.4f}"


def lines_of(result: Result) -> Iterator[str]:
    """What the table does not say."""
    yield from (f"note: {one}" for one in result.samples.notes)
    for name, fit in tuple(fits_of(result))[:3]:
        yield from (f"note on the fit {name}: {one}" for one in fit.remarks)
    yield (
        f"trees: AUC {auc_text(result.classifier.auc)}; cut {result.cuts.chosen.threshold:.3f}, "
        f"{result.cuts.chosen.scan.figure} "
        f"{result.cuts.chosen.merit}"
    )
    yield (
        f"vetoes and cut keep {per_cent(result.signal_efficiency, 1)} % of the signal and "
        f"{per_cent(result.cuts.chosen.false_rate, 2)} % of combinations"
    )
    tight = result.cuts.tight
    yield (
        f"tight cut: {per_cent(tight.efficiency, 1)} % of the signal, {per_cent(tight.false_rate, 2)} % of "
        "combinations, "
        f"signal over combinations times {tight.factor}"
    )
    for name, one in result.checks.sculpting.items():
        yield f"mass of combinations that {name} keep: p = {one.p_value:.2g}"
    if (sideband := result.checks.sideband) is not None:
        yield f"sideband and peak: scores alike with p = {sideband.p_value:.2g}, kept {sideband.ratio}"
    if result.checks.isolation is not None:
        areas = ", ".join(f"{name} {auc_text(auc)}" for name, auc in result.checks.isolation.auc.items())
        yield f"isolation alone: AUC {areas}"
    before, after = result.reweighted.before, result.reweighted.after
    if before is not None and after is not None:
        yield f"simulation told from data: AUC {before.auc}, reweighted {after.auc}"
    if result.unfolded is not None:
        yield f"unfolded p_T against simulated decays: p = {result.unfolded.agreement.p_value:.2g}"
    if result.oscillation is not None:
        found = result.oscillation.fit
        yield f"Δm_s = {found.delta_m} per ps, bound {found.bound:.4f}, generated {TRUTH:g}"
    toys = result.fits.after.toys
    if toys is not None:
        for watched in toys.parameters:
            yield (
                f"{toys.count} toys: {watched.name} pull mean {watched.pull_mean}, "
                f"width {watched.pull_width}, MINOS covers {watched.coverage}"
            )


def headline(result: Result) -> Iterator[str]:
    """The fits, and what the selection does."""
    yield from aligned(HEADINGS, rows_of(result))
    yield from lines_of(result)


def print_summary(result: Result) -> None:
    """The table and what it does not say."""
    console = Console()
    console.print(terminal_table(HEADINGS, rows_of(result)))
    for line in lines_of(result):
        console.print(line, highlight=False, markup=False)


def markdown(result: Result) -> str:
    """The same as markdown."""
    lines = markdown_table(HEADINGS, rows_of(result))
    return "\n".join([*lines, "", *(f"- {line}" for line in lines_of(result))]) + "\n"

"""The report's sections on single data sets: their likelihoods, and what the theory does to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hepsets.analyses.delta_c9.figures.intervals import nuisance_effects, posterior_products
from hepsets.analyses.delta_c9.one_data_set import OneDataSet
from hepsets.analyses.delta_c9.page_estimates import Styles, minus
from hepsets.analyses.delta_c9.theory import Nuisances
from hepsets.core.measured import Measured
from hepsets.report.likelihood_figures import likelihood_curves
from hepsets.report.page import Content, FigureFiles


def one_set(sets: Mapping[str, OneDataSet], styles: Styles, figures: FigureFiles) -> Iterator[Content]:
    """Likelihood curves, and running products of posteriors, of one data set at each level."""
    for level, found in sets.items():
        if found.curves:
            yield figures(
                f"likelihood_{level}",
                likelihood_curves(found.curves, styles, truth=found.truth),
                f"The likelihood of one set of {found.events:,} signal decays, {level} level.",
            )
        if found.posteriors is not None:
            products = found.posteriors
            yield figures(
                f"posteriors_{level}",
                posterior_products(products.values, products.single, products.running, truth=found.truth),
                "The event-by-event model: posteriors of five decays, and products over more and more "
                f"decays, raw and normalised, {level} level.",
            )


def form_factors(found: Nuisances | None, styles: Styles, figures: FigureFiles) -> Iterator[Content]:
    """How far the theory moves ΔC9, and what the events know of it."""
    if found is None:
        return
    parts = ", ".join(f"{name} {value:.2f}" for name, value in found.uncertainty.items() if name != "total")
    floating = str(found.floating).replace("-", "−")
    yield (
        f"Form factors and subleading effects are uncertain: at ΔC9 = {minus(found.truth)} they move it by "
        f"{found.uncertainty['total']:.2f} ({parts}), several times the statistical error. Events constrain "
        f"them a little: in a fit in which they float, the bound for {found.events:,} decays is "
        f"{found.bound:.2f}; one such set gives ΔC9 = {floating}."
    )
    yield figures(
        "nuisances",
        nuisance_effects(
            {name: (Measured(shift, 0.0), Measured(-shift, 0.0)) for name, shift in found.shifts.items()},
            {
                "exact": {
                    "fixed": Measured(found.fixed_se, 0.0),
                    "floating": Measured(found.floating.se, 0.0),
                }
            },
            styles,
        ),
        "Shift of ΔC9 along each direction of the theory's parameters, to first order, and the error of one "
        f"set of {found.events:,} decays with them fixed and floating.",
    )

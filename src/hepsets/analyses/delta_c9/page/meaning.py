"""The report's section on what the numbers of a ΔC9 run stand for."""

from __future__ import annotations

from collections.abc import Iterator

from hepsets.analyses.delta_c9.page.models import minus
from hepsets.analyses.delta_c9.result import Result
from hepsets.report.page import Column, Content, Table
from hepsets.select.kstmumu.yields import BRANCHING_FRACTION


def meaning(result: Result) -> Iterator[Content]:
    """The data set that such numbers of decays take, what a closure test is, and the theory's uncertainty."""
    found, name = result.meaning, result.config.windows[0]
    if found is None:
        return
    yield (
        "This is a closure test: training and toys come from one simulation, with one theory, one detector "
        "and one background. It says how much a method makes of the decays, not how right the simulation is."
    )
    yield Table(
        (Column("selected decays"), Column("luminosity", "1/ab at Belle II")),
        tuple(found.luminosity.items()),
        f"Window {name} GeV²: B⁰ → K*⁰μ⁺μ⁻ with a branching fraction of "
        f"({1e7 * BRANCHING_FRACTION.value:.1f} ± {1e7 * BRANCHING_FRACTION.se:.1f})·10⁻⁷, K*⁰ → K⁺π⁻; "
        f"{found.efficiency} of the decays in the window are selected, and {100 * found.window_share:.0f} % "
        "of all lie there.",
    )
    theory = found.uncertainty
    yield Table(
        (Column("true ΔC9"), *(Column(group, digits=2) for group in next(iter(theory.values())))),
        tuple((minus(truth), *groups.values()) for truth, groups in theory.items()),
        "What the theory does not know moves ΔC9 by this standard deviation, however many decays there "
        "are; no error in the tables above holds it.",
    )

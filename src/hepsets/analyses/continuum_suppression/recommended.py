"""The model that a run recommends, and the warning that comes before all else if it sculpts Mbc."""

from __future__ import annotations

from collections.abc import Sequence

from hepsets.analyses.continuum_suppression.comparison import ModelResult
from hepsets.analyses.continuum_suppression.config import BDT, OURS

LEAST_P_VALUE = 0.01
"""Below this the shape of background in Mbc counts as changed."""


def recommended(models: Sequence[ModelResult]) -> ModelResult:
    """Our own model; the trees where there is none, as for ntuples."""
    by_name = {model.name: model for model in models}
    return by_name.get(OURS, by_name[BDT])


def sculpting_warning(models: Sequence[ModelResult]) -> str:
    """What a run must say first of the model that it recommends; empty if its cut leaves Mbc alone.

    Parameters
    ----------
    models
        All models of the run. Only the recommended one counts, and only if the events have Mbc.

    Returns
    -------
    str
        A sentence that says so where the p-value of
        :func:`hepsets.evaluate.scores.sculpting.measure_sculpting` in Mbc is below :data:`LEAST_P_VALUE`, or
        not a number.
    """
    best = recommended(models)
    mbc = best.sculpting.get("mbc")
    if mbc is None or mbc.p_value >= LEAST_P_VALUE:
        return ""
    return (
        f"WARNING: {best.name}, the recommended model, sculpts Mbc (p = {mbc.p_value:.1g}): its cut changes "
        "the shape of the background in Mbc, so a yield fitted over that shape is wrong."
    )

"""What the recurrent network looks at: its attention along the sequence of vertices and particles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from hepsets.analyses.z_flavour.figures.classes import FLAVOUR_NAMES, FLAVOUR_STYLES
from hepsets.report.style import Array, not_empty, styled


@dataclass(frozen=True)
class AttentionShape:
    """Mean attention by place, where the place is filled, and by flavour.

    Parameters
    ----------
    vertices, particles
        By flavour, shape ``(n_places,)`` each: mean weight of the first, second, … vertex and particle of
        those events that have one; NaN where none has.
    vertices_se, particles_se
        Their standard errors; NaN where fewer than two events have one, and nothing is drawn.
    on_vertices
        By flavour, the share of all attention that is on vertices.
    """

    vertices: Mapping[str, Array]
    vertices_se: Mapping[str, Array]
    particles: Mapping[str, Array]
    particles_se: Mapping[str, Array]
    on_vertices: Mapping[str, float]


def attention_shape(
    weights: Array, vertex_places: int, truth: NDArray[np.int64], classes: Sequence[str]
) -> AttentionShape:
    """Means of attention weights.

    Parameters
    ----------
    weights
        Shape ``(n_events, n_places)``: vertices first, then particles; 0 in empty places.
    vertex_places
        How many places are those of vertices.
    truth
        Shape ``(n_events,)``: places of the true flavours in ``classes``.
    classes
        Names of the flavours.
    """
    found: list[dict[str, Array]] = [{}, {}, {}, {}]
    on_vertices = {}
    for place, flavour in enumerate(classes):
        own = weights[truth == place]
        on_vertices[flavour] = float(own[:, :vertex_places].sum() / max(own.sum(), 1e-12))
        filled = own > 0
        number = filled.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(number > 0, own.sum(axis=0) / number, np.nan)
            variance = (filled * (own - mean) ** 2).sum(axis=0) / np.maximum(number - 1, 1)
            se = np.where(number > 1, np.sqrt(variance / number), np.nan)
        for store, values in zip(
            found,
            (mean[:vertex_places], se[:vertex_places], mean[vertex_places:], se[vertex_places:]),
            strict=True,
        ):
            store[flavour] = values
    return AttentionShape(found[0], found[1], found[2], found[3], on_vertices)


@styled
def attention_weights(figure: Figure, shape: AttentionShape) -> None:
    """Mean attention on the first, second, … vertex and particle, where there is one, by flavour."""
    not_empty(shape.vertices)
    figure.set_size_inches(8.6, 3.2)
    left, right = figure.subplots(1, 2, width_ratios=[1, 2.2])
    for axes, means, errors, what in (
        (left, shape.vertices, shape.vertices_se, "vertex"),
        (right, shape.particles, shape.particles_se, "particle, by falling momentum"),
    ):
        for flavour, mean in means.items():
            style = FLAVOUR_STYLES.get(flavour, FLAVOUR_STYLES["ud"])
            axes.errorbar(
                np.arange(1, len(mean) + 1),
                100 * np.where(np.isfinite(errors[flavour]), mean, np.nan),
                100 * errors[flavour],
                color=style.colour,
                marker=style.marker,
                ms=3.2,
                lw=1.1,
                label=f"{FLAVOUR_NAMES.get(flavour, flavour)}: {shape.on_vertices[flavour]:.0%} on vertices",
            )
        axes.set_xlabel(what)
        axes.set_ylim(0, None)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.grid(axis="y")
    left.set_ylabel("mean attention, where there is one [%]")
    right.legend()

import numpy as np
import pytest
from helpers.figure_text import text_that_leaves

from hepsets.analyses.z_flavour.figures.attention import attention_shape, attention_weights

WEIGHTS = np.array(
    [
        [0.5, 0.0, 0.3, 0.2],
        [0.1, 0.2, 0.4, 0.3],
        [0.0, 0.0, 1.0, 0.0],
    ]
)
"""Two places of vertices and two of particles; zero where there is none."""


def test_means_are_over_filled_places_of_each_flavour():
    shape = attention_shape(WEIGHTS, 2, np.array([0, 0, 1]), ("b", "s"))
    assert shape.vertices["b"] == pytest.approx([0.3, 0.2])
    assert shape.particles["b"] == pytest.approx([0.35, 0.25])
    assert shape.vertices_se["b"][0] == pytest.approx(0.2)
    assert np.isnan(shape.vertices_se["b"][1])  # one event has no spread
    assert np.isnan(shape.vertices["s"]).all()
    assert shape.on_vertices["b"] == pytest.approx(0.4)
    assert shape.on_vertices["s"] == 0


def test_the_figure_has_vertices_and_particles_beside_each_other():
    figure = attention_weights(attention_shape(WEIGHTS, 2, np.array([0, 0, 1]), ("b", "s")))
    assert [axes.get_xlabel() for axes in figure.axes] == ["vertex", "particle, by falling momentum"]
    assert text_that_leaves(figure) == []

import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers.delta_c9_inputs import decay_study
from helpers.figure_text import text_that_leaves

from hepsets.analyses.delta_c9.page.images import example_images
from hepsets.core.errors import InputError
from hepsets.report.page import drawing


def test_the_figure_becomes_a_drawing_and_no_text_leaves_it():
    figure = example_images(decay_study().images)
    assert text_that_leaves(figure) == []
    assert any(axes.get_xlabel() for axes in figure.axes)
    assert drawing(figure, "images").svg.startswith("<svg")
    assert plt.get_fignums() == []


def test_images_show_a_slice_and_the_means_along_each_axis_the_right_way_up():
    image = np.zeros((4, 4, 4))
    image[3, 0, 2] = 2.0  # large cos(theta_mu), small cos(theta_K)
    figure = example_images({0.0: image})
    shown = [axes.images[0] for axes in figure.axes[:4]]
    assert shown[0].get_array()[0, 3] == 2.0  # row: cos(theta_K), column: cos(theta_mu)
    assert shown[1].get_array()[0, 3] == 0.5
    assert shown[2].get_array()[2, 3] == 0.5
    assert shown[3].get_array()[2, 0] == 0.5
    assert [i.get_extent()[2:] for i in shown[:2]] == [[-1.0, 1.0]] * 2
    assert shown[2].get_extent()[3] == pytest.approx(np.pi)
    assert [axes.get_title("left") for axes in figure.axes[:4]] == [
        r"slice at $\chi$ = 0",
        r"mean over $\chi$",
        r"mean over $\cos\theta_K$",
        r"mean over $\cos\theta_\mu$",
    ]


def test_empty_bins_show_the_paper():
    figure = example_images({0.0: np.eye(4)[:, :, None] * np.ones(4)})
    picture = figure.axes[0].images[0]
    colours = picture.to_rgba(picture.get_array())
    assert colours[0, 1, 3] < 0.02
    assert colours[0, 0, 3] == pytest.approx(1)


def test_what_cannot_be_drawn_is_said():
    with pytest.raises(InputError, match="nothing to draw"):
        example_images({})
    with pytest.raises(InputError, match="three axes"):
        example_images({0.0: np.zeros((4, 4))})

import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers.figure_text import text_that_leaves
from helpers.flavour_scores import CLASSES, flavour_scores

from hepsets.analyses.z_flavour.about import MODELS
from hepsets.analyses.z_flavour.figures.classes import (
    class_probabilities,
    confusion_matrices,
    feature_shape,
    feature_shapes,
    importances,
    rocs_against_rest,
    tagger_styles,
)
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.scores.accuracy_importance import AccuracyImportance
from hepsets.evaluate.scores.many_classes import judge_classes
from hepsets.report.page import drawing
from hepsets.report.style import model_styles

NAMES = ("fcnn", "gru_attention", "deep_sets", "particle_transformer", "vertex_graph")

SCORES = {name: flavour_scores(seed, distance=0.5 + 0.2 * seed) for seed, name in enumerate(NAMES)}

QUALITY = {name: judge_classes(*sample[:3]) for name, sample in SCORES.items()}

STYLES = model_styles(NAMES)

SHAPES = [
    feature_shape(name, np.random.default_rng(i).normal(SCORES["fcnn"].truth), SCORES["fcnn"].truth, CLASSES)
    for i, name in enumerate(("mass [GeV]", "tracks", "flight significance"))
]

IMPORTANCES = [
    AccuracyImportance(f"input_{i}", Measured(0.01 * i, 0.002), Measured(0.1, 0.1)) for i in range(30)
]


def every_figure():
    return {
        "confusion": confusion_matrices(QUALITY, STYLES),
        "probabilities": class_probabilities(SCORES["deep_sets"]),
        "rest": rocs_against_rest(QUALITY, STYLES),
        "features": feature_shapes(SHAPES),
        "importances": importances(IMPORTANCES),
    }


def test_no_text_leaves_a_figure_and_every_axis_has_a_name():
    for name, figure in every_figure().items():
        assert text_that_leaves(figure) == [], name
        assert any(axes.get_xlabel() for axes in figure.axes), name
        assert drawing(figure, name).svg.startswith("<svg")
    assert plt.get_fignums() == []


def test_a_confusion_matrix_says_its_percentages_with_errors():
    axes = confusion_matrices(QUALITY, STYLES).axes[0]
    texts = [text.get_text() for text in axes.texts]
    share = 100 * QUALITY["fcnn"].confusion.share[0, 0]
    assert texts[0].startswith(f"{share:.1f}\n±")
    assert len(texts) == 16
    assert "±" in axes.get_title(loc="left")


def test_probabilities_of_each_flavour_add_up_to_all_its_events():
    for axes in class_probabilities(SCORES["deep_sets"]).axes:
        for patch in axes.patches:
            assert patch.get_data().values.sum() == pytest.approx(1)


def test_what_lies_beyond_a_feature_s_axis_is_in_its_last_bins():
    values = np.concatenate([np.zeros(990), np.full(10, 1e6)])
    shape = feature_shape("x", values, np.zeros(1000, dtype=int), ("b",))
    inside = shape.density["b"] * np.diff(shape.edges)
    assert inside.sum() == pytest.approx(1)
    assert inside[-1] == pytest.approx(0.01)
    constant = feature_shape("x", np.ones(5), np.zeros(5, dtype=int), ("b",))
    assert constant.edges[0] < 1 < constant.edges[-1]


def test_the_most_important_inputs_are_on_top():
    axes = importances(IMPORTANCES, most=5).axes[0]
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names == ["input 25", "input 26", "input 27", "input 28", "input 29"]


def test_nothing_is_not_drawn():
    for draw in (confusion_matrices, rocs_against_rest):
        with pytest.raises(InputError, match="nothing to draw"):
            draw({}, {})


def test_a_tagger_is_drawn_alike_whatever_it_stands_beside() -> None:
    alone, among = tagger_styles(["vertex_graph_unidentified"]), tagger_styles(MODELS)
    assert alone["vertex_graph_unidentified"] == among["vertex_graph"]
    assert len({style.colour for style in among.values()}) == len(MODELS)


def test_bins_of_a_count_hold_as_many_counts_each() -> None:
    counts = np.random.default_rng(1).integers(20, 80, 60_000)  # as many of each: a flat distribution
    shape = feature_shape("counts", np.log1p(counts), np.zeros(60_000, np.int64), ["b"])
    held = np.histogram(np.log1p(np.arange(20, 80)), shape.edges)[0]
    assert len(held) <= 40
    assert set(held[:-1]) == {2}
    assert shape.density["b"] @ np.diff(shape.edges) == pytest.approx(1)

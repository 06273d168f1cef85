import re
from importlib import resources

import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers.figure_text import text_that_leaves
from helpers.results import study

from hepsets.analyses.smart_background.figures import (
    areas_by_sample,
    bias_histograms,
    embedding_map,
    feature_study,
    layer_scan,
    limit_summary,
    simulated_shares,
    speedup_curves,
)
from hepsets.analyses.smart_background.studies.inputs import Variant
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.report.figures import (
    TrainingCurve,
    calibration_curves,
    roc_curves,
    score_distributions,
    training_curves,
)
from hepsets.report.style import COLOURS, model_styles


def every_figure(models):
    results = study(models)
    styles = model_styles(list(results.scores))
    scores = {name: (results.labels, s, None) for name, s in results.scores.items()}
    training = {name: TrainingCurve([0.7, 0.6, 0.5], [0.7, 0.65, 0.66], 1) for name in results.scores}
    measured = Measured(0.86, 0.002)
    return {
        "roc": roc_curves(results.classified, styles, results.limit),
        "roc without limit": roc_curves(results.classified, styles),
        "speedup": speedup_curves(results.curves, results.chosen, styles, results.limit),
        "scores": score_distributions(scores, styles, {"model_0": 0.5}),
        "calibration": calibration_curves(results.calibrated, styles),
        "training": training_curves(training, styles),
        "bias": bias_histograms(results.biases, {"r2": "$R_2$"}),
        "limit": limit_summary(results.limit),
        "embedding": embedding_map(np.eye(3)[:, :2], ["pi+", "K-", "gamma"], ["hadron", "hadron", "photon"]),
        "layers": layer_scan(
            [Variant("DS_3_GCN_1", 9, measured, measured), Variant("DS_4_GCN_none", 9, measured, measured)]
        ),
        "areas by sample": areas_by_sample(
            {"jpsi": {"all": measured, "mixed": measured}, "fast_charm": {"all": measured}}
        ),
        "simulated shares": simulated_shares(
            {"jpsi": measured}, {"independent": measured, "shared": measured}
        ),
        "features": feature_study(
            "all", {"without p": Measured(-0.02, 0.001), "scaled": Measured(0.01, 0.001)}
        ),
    }


@pytest.mark.parametrize("models", [1, 3, 15])
def test_no_text_leaves_a_figure_and_no_axis_is_without_a_name(models):
    for name, figure in every_figure(models).items():
        assert text_that_leaves(figure) == [], name
        assert any(axes.get_xlabel() for axes in figure.axes), name


def test_figures_stay_out_of_pyplot():
    every_figure(3)
    assert plt.get_fignums() == []


def test_fifteen_models_look_different_and_the_same_in_every_figure():
    names = [f"model_{i}" for i in range(15)]
    styles = model_styles(names)
    assert len({(style.colour, str(style.dash)) for style in styles.values()}) == 15
    assert model_styles(names[:4])["model_3"] == styles["model_3"]


def luminance(colour):
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def test_colours_stand_out_from_paper_light_and_dark():
    """Contrast of at least 3 for graphics (WCAG 2.1, 1.4.11)."""
    css = resources.files("hepsets.report").joinpath("templates/page.css").read_text(encoding="utf-8")
    light, dark = css.split("prefers-color-scheme: dark")[:2]
    for text, paper in ((light, "#ffffff"), (dark, "#14171b")):
        found = re.findall(r"--m\d: (#[0-9a-f]{6})", text)[:8]
        assert len(found) == 8
        for colour in found:
            low, high = sorted([luminance(colour), luminance(paper)])
            assert (high + 0.05) / (low + 0.05) >= 2.95, colour


def test_the_areas_beside_the_curves_are_those_of_the_models():
    results = study()
    figure = roc_curves(results.classified, model_styles(list(results.scores)), results.limit)
    texts = {text.get_text() for text in figure.axes[1].texts}
    for model in results.classified.values():
        assert f"{model.auc.value:.3f} ± {model.auc.se:.3f}" in texts


def test_nothing_to_draw_is_said():
    with pytest.raises(InputError, match="nothing to draw"):
        roc_curves({}, {})
    with pytest.raises(InputError, match="two coordinates"):
        embedding_map(np.zeros((2, 3)), ["a", "b"], ["c", "d"])


def test_every_model_of_a_comparison_has_a_colour_of_its_own_on_paper_and_page():
    styles = model_styles([f"model {i}" for i in range(len(COLOURS))])
    assert len({style.colour for style in styles.values()}) == len(COLOURS) == 11
    css = (resources.files("hepsets.report") / "templates/page.css").read_text(encoding="utf-8")
    for place, colour in enumerate(COLOURS):
        assert css.count(f"--m{place}: {colour};") >= 1


def test_the_panel_of_a_short_training_is_as_long_as_its_training() -> None:
    long = TrainingCurve(list(np.linspace(1, 0.5, 150)), list(np.linspace(1, 0.5, 150)), 149)
    figure = training_curves(
        {"trees": long, "network": TrainingCurve([0.7, 0.6], [0.7, 0.65], 1)},
        model_styles(("trees", "network")),
    )
    trees, network = (np.ptp(axes.get_xlim()) for axes in figure.axes)
    assert network < 2
    assert trees > 149

"""A result says what it found, and draws it, whatever its analysis."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from helpers.shown import fits_on_a_screen
from matplotlib.figure import Figure

import hepsets as hs
from hepsets.analyses import shown
from hepsets.analyses.shown import Shown
from hepsets.core.measured import Measured
from hepsets.public.analyses import Run


@dataclass(frozen=True, repr=False)
class Result(Shown):
    analysis = "dice"

    @property
    def config(self):
        return SimpleNamespace(scale="quick", seed=7)

    @property
    def metrics(self):
        return {"sixes": 0.1659, "sixes_se": 0.0048, "throws": 6000, "pairs": {"two": Measured(0.03, 0.002)}}


def figures_of(result, figures):
    for name in ("faces", "pairs"):
        figure = Figure()
        figure.subplots().set_title(name)
        figures(name, figure, "")
    return ()


@pytest.fixture
def dice(monkeypatch):
    """An analysis of another package, with no more than an analysis must have."""
    module = SimpleNamespace(make_page=figures_of)
    monkeypatch.setattr(shown, "ANALYSES", SimpleNamespace(find=lambda name: module))
    return module


def test_without_a_headline_it_tells_its_metrics_with_their_errors(dice):
    said = fits_on_a_screen(Result()).splitlines()
    assert said[0] == "dice, quick, seed 7"
    assert said[1:4] == ["sixes: 0.1659 ± 0.0048", "throws: 6000", "pairs.two: 0.03 ± 0.002"]
    assert ".plot(NAME)" in said[-1]


def test_its_headline_comes_first_and_is_cut_where_the_screen_ends(dice):
    dice.headline = lambda result: [f"{number} sixes" for number in range(100)]
    said = fits_on_a_screen(Result()).splitlines()
    assert said[1] == "0 sixes"
    assert said[-2] == "… and 78 more lines"


def test_it_draws_its_main_figure_and_any_by_name(dice):
    assert Result().plot().axes[0].get_title() == "faces"
    assert Result().plot("pairs").axes[0].get_title() == "pairs"
    dice.MAIN_FIGURE = "pairs"
    assert Result().plot().axes[0].get_title() == "pairs"
    dice.MAIN_FIGURE = "limit"  # of a study that was not asked for
    assert Result().plot().axes[0].get_title() == "faces"
    with pytest.raises(hs.InputError, match="no figure 'roc'; expected one of faces, pairs"):
        Result().plot("roc")


def test_a_run_says_and_draws_the_same_and_where_its_report_is(dice, tmp_path):
    run = Run(tmp_path, Result(), "dice")
    said = fits_on_a_screen(run)
    assert "sixes: 0.1659 ± 0.0048" in said
    assert run.plot("pairs").axes[0].get_title() == "pairs"

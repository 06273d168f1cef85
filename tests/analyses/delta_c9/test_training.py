"""What each model of a cell is trained with: decays, seed, window and size of sets, seen without training."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from hepsets.analyses.delta_c9 import training
from hepsets.analyses.delta_c9.config import Config, OnSetsConfig
from hepsets.analyses.delta_c9.samples import Cell
from hepsets.core.event_frame import EventFrame
from hepsets.core.purpose import Purpose
from hepsets.generate.kstmumu.density import WINDOWS
from hepsets.learn.data_sets.likelihood_estimator import LikelihoodEstimator

MODELS = ("event_by_event", "deep_sets", "cnn", "morphing", "set_summary")
EVERY, OURS = (EventFrame({"chi": np.zeros(n)}, Purpose.TRAINING) for n in (3, 2))
CONFIG = Config(
    models=MODELS,
    seed=41,
    set_events=(1000, 3000),
    on_sets=OnSetsConfig(levels=("generator", "background"), windows=("1-19",), set_events=(1000, 3000)),
    deep_sets=dataclasses.replace(Config().deep_sets, pooling="sum"),
)


class Scores(LikelihoodEstimator):
    """Stands for a trained morphing."""

    name = "morphing"

    def __init__(self):
        pass


@pytest.fixture
def fits(monkeypatch, tmp_path):
    """What every fit of a cell was given: frame, configuration and whatever else, in order."""

    def of(cell: Cell) -> list[SimpleNamespace]:
        found = []

        def fit(name):
            def fitted(frame, *rest, **named):
                found.append(SimpleNamespace(name=name, frame=frame, rest=rest, **named))
                return (
                    SimpleNamespace(model="trained") if name in ("morphing", "set_summary") else ("trained",)
                )

            return fitted

        def inference(*given, **named):
            found.append(SimpleNamespace(name="inference", given=given, **named))
            return SimpleNamespace(save=lambda _: None)

        def load(path, kind, **named):
            loaded.append((path.name, named))
            if path.name.startswith("morphing"):
                return scores
            variant = lambda normalised: SimpleNamespace(name=f"event_by_event {normalised}")  # noqa: E731
            return SimpleNamespace(path=path, variant=variant)

        scores, loaded = Scores(), []
        for name in ("morphing", "set_summary", "event_posterior", "event_deep_sets", "image_cnn"):
            monkeypatch.setattr(training, f"fit_{name}", fit(name))
        monkeypatch.setattr(training.DeltaC9Inference, "of", inference)
        monkeypatch.setattr(
            training, "TruthRatios", SimpleNamespace(of=lambda frame, window: (frame, window))
        )
        monkeypatch.setattr(training, "training_events", lambda _, asked: (EVERY, OURS, asked)[:2])
        monkeypatch.setattr(training, "save", lambda _, path: None)
        monkeypatch.setattr(training, "load", load)
        models = training.train_cell(CONFIG, cell, tmp_path)
        for each in found:
            each.models, each.scores, each.loaded = models, scores, loaded
        return found

    return of


def test_ours_learn_from_their_share_of_the_decays_and_the_published_from_all(fits):
    frames = {fit.name: fit.frame for fit in fits(Cell("generator", "1-19")) if fit.name != "inference"}
    assert frames["morphing"] is frames["set_summary"] is OURS
    assert frames["event_posterior"] is frames["event_deep_sets"] is frames["image_cnn"] is EVERY


def test_every_fit_has_the_seed_of_the_run_and_the_odds_of_background_too(fits):
    for fit in fits(Cell("background", "1-19")):
        if fit.name == "inference":
            assert fit.seed == 41
            continue
        settings = fit.rest[-1]
        assert settings.fit.seed == 41
        if fit.name == "morphing":
            assert settings.odds_fit.seed == 41
        if hasattr(settings, "sampling"):
            assert settings.sampling.seed == 41


@pytest.mark.parametrize("window", ["0-20", "1-19", "0-20-nonresonant"])
def test_truth_is_of_the_window_of_the_cell_and_of_the_decays_that_are_trained_on(fits, window):
    found = {fit.name: fit for fit in fits(Cell("detector", window))}
    assert found["morphing"].rest[0] == (OURS, WINDOWS[window])
    assert found["event_posterior"].truth == (EVERY, WINDOWS[window])
    assert found["inference"].given[1:] == (OURS, (OURS, WINDOWS[window]))
    assert (found["inference"].level, found["inference"].window) == ("detector", window)


@pytest.mark.parametrize(("level", "share"), [("generator", 1.0), ("detector", 1.0), ("background", 2.1)])
def test_an_inference_knows_sets_with_their_background(fits, level, share):
    (found,) = (fit for fit in fits(Cell(level, "0-20")) if fit.name == "inference")
    assert found.set_events == (round(share * 1000), round(share * 3000))


def test_networks_on_sets_are_trained_for_each_size_where_the_run_wants_them(fits):
    found = fits(Cell("generator", "1-19"))
    for name in ("event_deep_sets", "image_cnn"):
        sizes = [fit.rest[-1].sampling.events for fit in found if fit.name == name]
        assert sizes == [1000, 3000]
    assert sorted(found[0].models["cnn"]) == [1000, 3000]
    assert found[0].models["cnn"][3000].path.name == "cnn_3000.safetensors"
    elsewhere = [fit.name for fit in fits(Cell("generator", "0-20")) + fits(Cell("detector", "1-19"))]
    assert "image_cnn" not in elsewhere
    assert "event_deep_sets" not in elsewhere


def test_a_set_summary_stands_on_the_morphing_of_its_own_cell(fits):
    found = fits(Cell("generator", "0-20"))
    (summary,) = (fit for fit in found if fit.name == "set_summary")
    assert summary.rest[0] is summary.scores
    assert ("set_summary.safetensors", {"estimator": summary.scores}) in summary.loaded

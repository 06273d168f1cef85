"""The public names about models give what the stages below give."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from torch import nn

import hepsets as hs
from hepsets.core.errors import InputError
from hepsets.core.pdg import PdgMap
from hepsets.deploy.onnx.runtime import OnnxModel
from hepsets.evaluate.scores.classification import classify
from hepsets.generate.kstmumu.density import named_window
from hepsets.learn import registry
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.particle_sets.recipe import build_set_model
from hepsets.learn.training import fit as training
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.score import score
from hepsets.public import models
from hepsets.public.models import RARE


def test_the_area_is_that_of_the_reports():
    random = np.random.default_rng(1)
    labels = random.random(200) < 0.3
    scores = np.clip(random.random(200) * 0.6 + 0.3 * labels, 0, 1)
    weights = random.random(200)
    assert hs.auc(labels, scores, weights) == classify(labels, scores, weights).auc


@pytest.fixture(scope="module")
def events():
    return hs.generate("mixed", 80, seed=4)


LABELS = np.arange(80) % 2


class Own(nn.Module):
    """A mean over the energies of the particles, one number per event."""

    def __init__(self):
        super().__init__()
        self.line = nn.Linear(1, 1)

    def forward(self, batch):
        return self.line(batch.sum(batch.features[:, -1:]))[:, 0]


def test_a_module_of_your_own_is_trained_scored_saved_and_loaded(events, tmp_path):
    module = Own()
    before = module.line.weight.detach().clone()
    model = hs.fit(module, events, LABELS, epochs=2, learning_rate=0.1)
    assert not torch.equal(module.line.weight, before)
    hs.save(model, tmp_path / "own.safetensors")
    again = hs.load(tmp_path / "own.safetensors", module=Own())
    assert np.array_equal(hs.score(again, events), hs.score(model, events))
    with pytest.raises(hs.InputError, match="module="):
        hs.load(tmp_path / "own.safetensors")


def test_a_registered_model_is_what_the_loop_below_makes_of_it(events):
    pdg_map = PdgMap.fit(events.particles["pdg"], min_count=RARE)
    expected = build_model("deep_sets", pdg_map, seed=3, units=4)
    training.fit(expected, events, LABELS, config=FitConfig(epochs=2, seed=3))
    model = hs.fit("deep_sets", events, LABELS, options={"units": 4}, epochs=2, seed=3)
    assert np.array_equal(hs.score(model, events), score(expected, events))


def test_weights_matter(events):
    weights = np.where(LABELS, 3.0, 1.0)
    plain, weighted = (
        hs.fit("deep_sets", events, LABELS, weights=given, epochs=1) for given in (None, weights)
    )
    assert not np.array_equal(hs.score(plain, events), hs.score(weighted, events))


def test_morphing_finds_the_value_that_was_generated():
    decays = hs.generate("kstmumu", 1500, delta_c9=[-2.0, -1.0, 0.0, 1.0], seed=1)
    model = hs.fit("morphing", decays, options={"width": 16, "layers": 2}, epochs=4)
    found = model.infer(hs.generate("kstmumu", 8000, delta_c9=-0.8, seed=9))
    assert abs(found.value + 0.8) < 0.5
    assert found.low < found.value < found.high


@pytest.mark.parametrize(
    ("gives", "message"),
    [
        (lambda line, energies, sums: None, "a module that gives NoneType"),
        (lambda line, energies, sums: line(sums).sum(), r"a module that gives shape \(\)"),
        (lambda line, energies, sums: line(energies), r"outputs of shape \(\d+,.* for 60 events"),
        (lambda line, energies, sums: line(sums)[1:], r"outputs of shape \(59,"),
        (lambda line, energies, sums: line(sums).repeat(1, 2), r"outputs of shape \(60, 2"),
        (lambda line, energies, sums: line(sums).detach(), "depend on none of its weights"),
    ],
)
def test_a_module_that_gives_no_logit_for_each_event_is_refused(events, gives, message):
    class Wrong(Own):
        def forward(self, batch):
            energies = batch.features[:, -1:]
            return gives(self.line, energies, batch.sum(energies))

    with pytest.raises(hs.InputError, match=message):
        hs.fit(Wrong(), events, LABELS, epochs=1)


def test_a_model_scores_events_of_its_kind_alone(events):
    model = hs.fit("deep_sets", events, LABELS, epochs=1)
    decays = hs.generate("kstmumu", 9)
    for call in (lambda: hs.score(model, decays), lambda: hs.fit(model, decays, np.arange(9) % 2)):
        with pytest.raises(hs.InputError, match="a EventFrame for deep_sets; expected Events"):
            call()


def test_morphing_learns_the_window_that_is_named(monkeypatch):
    windows = []

    def stop(events, window):
        windows.append(window)
        raise hs.InputError("enough", "this")

    monkeypatch.setattr(models.TruthRatios, "of", stop)
    for name in ("0-20", "1-19-nonresonant"):
        with pytest.raises(hs.InputError, match="enough"):
            hs.fit("morphing", hs.generate("kstmumu", 9), options={"window": name})
    assert windows == [named_window("0-20"), named_window("1-19-nonresonant")]


def test_weights_matter_to_trees_as_repeated_rows_do():
    random = np.random.default_rng(1)
    x, label = random.random(600), random.random(600) < 0.5
    sets = hs.ParticleSets({"px": np.zeros(600)}, np.arange(601), {"x": x})
    for weights, share in ((None, 0.5), (np.where(label, 3.0, 1.0), 0.75)):
        trees = hs.fit("boosted_trees", sets, label, weights=weights, options={"variables": ["x"]}, trees=20)
        assert abs(hs.score(trees, sets).mean() - share) < 0.08


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda events: hs.fit("deep_set", events, LABELS), "deep_set"),
        (lambda events: hs.fit("deep_sets", events), "no labels"),
        (lambda events: hs.fit("deep_sets", events, LABELS, epoch=3), "did you mean 'epochs'"),
        (lambda events: hs.fit("deep_sets", events, LABELS, options={"unit": 3}), "did you mean 'units'"),
        (lambda events: hs.fit("deep_sets", events, LABELS[:-1]), "labels|targets"),
        (lambda events: hs.fit("morphing", events, LABELS), "decays at several ΔC9"),
        (lambda events: hs.fit("deep_sets", hs.generate("kstmumu", 9), np.arange(9) % 2), "EventFrame"),
        (lambda events: hs.score("deep_sets", events), "a model that hs.fit trained"),
        (lambda events: hs.fit(5, events, LABELS), "the model 5 for a Events"),
        (lambda events: hs.fit(nn.Linear, events, LABELS), "torch.nn.modules.linear.Linear"),
        (lambda events: hs.fit("deep_sets", events, ["a"] * 80), "labels that are no numbers"),
        (lambda events: hs.fit("deep_sets", events, [None] * 80), "labels that are"),
        (lambda events: hs.fit("deep_sets", events, 1), "labels of shape"),
        (lambda events: hs.fit("deep_sets", events, LABELS, weights=["a"] * 80), "weights that are no num"),
        (lambda events: hs.fit(nn.Sequential(), events, LABELS), "no weights to train"),
        (lambda events: hs.save(5, "five.safetensors"), "a int to save"),
        (lambda events: hs.load("none.safetensors"), "no file"),
    ],
)
def test_what_cannot_be_meant_is_refused(events, call, message):
    with pytest.raises(hs.InputError, match=message):
        call(events)


class Kinds(nn.Module):
    """A number per kind of particle and one per energy, summed over the event; told how many there are."""

    def __init__(self, n_features, n_tokens, width=1):
        super().__init__()
        self.kind = nn.Embedding(n_tokens, width)
        self.line = nn.Linear(n_features + width, 1)

    def forward(self, batch):
        return self.line(batch.sum(torch.cat([batch.features, self.kind(batch.tokens)], dim=1)))


@pytest.fixture
def registered(monkeypatch):
    """Forgets afterwards what a test registers."""
    monkeypatch.setattr(registry, "_REGISTERED", {})


def test_a_registered_network_is_trained_saved_and_loaded_by_its_name_alone(registered, events, tmp_path):
    hs.register_model("kinds", Kinds)
    assert hs.list_models()[-1] == "kinds"
    model = hs.fit("kinds", events, LABELS, epochs=1)
    hs.save(model, tmp_path / "kinds.safetensors")
    again = hs.load(tmp_path / "kinds.safetensors")
    assert again.name == "kinds"
    assert np.array_equal(hs.score(again, events), hs.score(model, events))
    hs.register_model("kinds", functools.partial(Kinds, width=2))  # a cell that is run again
    with pytest.raises(InputError, match="numbers of 'kinds' for another module"):
        hs.load(tmp_path / "kinds.safetensors")
    registry._REGISTERED.clear()
    with pytest.raises(InputError, match=r"no model 'kinds' of decay_trees.*hs\.register_model"):
        hs.load(tmp_path / "kinds.safetensors")


def test_a_network_of_sets_is_registered_as_one_and_told_how_many_features_each_set_has(registered):
    seen = []

    def make(n_features, n_event_features):
        seen.append((n_features, n_event_features))
        return Own()

    hs.register_model("mine", make, kind="particle_sets", event_features=("R2", "thrust"))
    assert build_set_model("mine").event_features == ("R2", "thrust")
    assert "mine" in hs.list_models("particle_sets")
    assert "mine" not in hs.list_models()
    ((members, events),) = seen
    assert (len(members), members[0] > 5, events) == (1, True, 2)


@pytest.mark.parametrize(
    ("name", "make", "options", "message"),
    [
        ("mine", Own(), {}, "a Own that is made as the model 'mine'; expected a class"),
        ("mine", 3, {}, "a int as the model 'mine'"),
        ("gcn_stack", Own, {}, "a model 'gcn_stack' of decay_trees is there already"),
        ("DS_3_GCN_1", Own, {}, "a model 'DS_3_GCN_1' of decay_trees is there already"),
        ("own:mine", Own, {}, "letters, digits and underscores"),
        ("mine", Own, {"unheard_of": 1}, "unheard_of"),
        ("mine", Own, {"kind": "images"}, "one of decay_trees, particle_sets"),
    ],
)
def test_what_cannot_be_registered_is_refused(registered, name, make, options, message):
    with pytest.raises(InputError, match=message):
        hs.register_model(name, make, **options)


def test_sizes_that_nobody_tells_a_network_are_named(registered, events):
    hs.register_model("wide", nn.Linear)
    with pytest.raises(InputError, match=r"'wide' without its in_features, out_features.*n_tokens.*partial"):
        hs.fit("wide", events, LABELS, epochs=1)


def test_any_network_is_exported_and_scores_as_it_does(registered, events, tmp_path):
    hs.register_model("kinds", Kinds)
    model = hs.fit("kinds", events, LABELS, epochs=1)
    hs.export(model, tmp_path / "kinds.onnx")
    assert np.abs(OnnxModel(tmp_path / "kinds.onnx").score(events) - hs.score(model, events)).max() < 1e-5

import dataclasses

import numpy as np
import pytest
from helpers.small_filter import TRAINING, beam_events, small_card, small_model

from hepsets.core.errors import InputError
from hepsets.core.events import Events, EventWriter
from hepsets.deploy.filter.card import (
    OWN_FILES,
    TrainingDomain,
    load_card,
    make_card,
    save_card,
    total_momentum,
)
from hepsets.deploy.filter.event_filter import EventFilter
from hepsets.deploy.filter.export import own_file
from hepsets.deploy.onnx import decay_trees as export
from hepsets.deploy.onnx.decay_trees import edge_cases, export_filter
from hepsets.learn.training.score import logits_of

EVENTS = beam_events(30, 6)


def test_each_skim_has_the_score_of_its_own_head(tmp_path):
    model = small_model(2)
    difference = export_filter(model, small_card(2), tmp_path / "filter.onnx", EVENTS)
    assert difference < 1e-5
    expected = 1 / (1 + np.exp(-logits_of(model, model.prepare(EVENTS)).numpy()))
    np.testing.assert_allclose(EventFilter.load(tmp_path / "filter.onnx").scores(EVENTS), expected, atol=1e-5)
    assert [item.name for item in tmp_path.iterdir()] == ["filter.onnx"]


def test_a_graph_that_differs_from_its_model_is_refused(tmp_path, monkeypatch):
    right = export.export_onnx

    def wrong(model, path, **options):
        right(small_model(2), path, **options)

    monkeypatch.setattr(export, "export_onnx", wrong)
    with pytest.raises(InputError, match="differs from its ONNX graph"):
        export_filter(small_model(), small_card(), tmp_path / "filter.onnx", EVENTS)
    assert not list(tmp_path.iterdir())


def test_a_skim_without_an_output_is_refused(tmp_path):
    with pytest.raises(InputError, match="2 skims for 1 outputs"):
        export_filter(small_model(), small_card(2), tmp_path / "filter.onnx", EVENTS)


def test_edge_cases_are_valid_events_and_leave_their_source_alone():
    before = {name: column.copy() for name, column in EVENTS.particles.items()}
    sizes = [case.multiplicity.tolist() for case in edge_cases(EVENTS) if len(case)]
    for case in edge_cases(EVENTS):
        if len(case):
            case.validate(allow_empty=True)
    n = int(EVENTS.multiplicity[0])
    assert [0] in sizes
    assert [0, n, 0] in sizes
    assert [1] in sizes
    assert max(size[0] for size in sizes) == EVENTS[:10].n_particles
    assert all(np.array_equal(column, EVENTS.particles[name]) for name, column in before.items())


def test_a_card_beside_a_model_comes_back(tmp_path):
    skim = small_card().skims[0]
    card = make_card(
        "deep_sets_pdg",
        TRAINING,
        sample="mixed",
        skim=skim.name,
        rule=skim.rule,
        logistic=skim.logistic,
        threshold=skim.threshold,
    )
    assert card == small_card()
    save_card(card, tmp_path / "model.card.json")
    assert load_card(tmp_path / "model.card.json") == card


def test_the_domain_is_that_of_the_training_events():
    domain = TrainingDomain.of(TRAINING)
    assert set(domain.pdg_ids) == set(TRAINING.particles["pdg"].tolist())
    assert domain.multiplicity == (TRAINING.multiplicity.min(), TRAINING.multiplicity.max())
    momenta = np.array(domain.momentum)
    np.testing.assert_allclose(momenta.mean(axis=1), [0.457, 0, 3.002, 11.006], atol=1e-4)


def test_a_few_broken_events_do_not_widen_the_domain():
    events = beam_events(300, 5)
    many = events[np.arange(40 * len(events)) % len(events)]  # 12 000 events
    whole = TrainingDomain.of(many)
    broken = Events({name: column.copy() for name, column in many.particles.items()}, many.offsets)
    root = broken.offsets[7]
    broken.particles["pdg"][root] = 11
    broken.particles["energy"][root] += 3.0
    domain = TrainingDomain.of(broken)
    assert 11 not in domain.roots
    assert domain.roots == whole.roots
    np.testing.assert_allclose(domain.momentum, whole.momentum, atol=1e-3)


def test_the_total_momentum_is_that_of_all_roots():
    events = beam_events(2, 7)
    begin = events.offsets[1]
    second = begin + 1  # becomes a root of its own, as a photon from the initial state is
    events.particles["mother_index"][second] = events.particles["index"][second]
    total = total_momentum(events)
    for place, name in enumerate(("px", "py", "pz", "energy")):
        column = events.particles[name]
        assert total[0, place] == pytest.approx(column[0])
        assert total[1, place] == pytest.approx(column[begin] + column[second])


def test_a_run_on_files_of_the_users_is_compared_on_these_files(tmp_path):
    with EventWriter(tmp_path / "mine.parquet") as writer:
        writer.write(EVENTS)
    card = dataclasses.replace(small_card(), sample=OWN_FILES)
    (tmp_path / "config.toml").write_text(f'[data]\ntrain = ["gone", "{tmp_path}/mine.parquet"]\n')
    assert own_file(tmp_path, card) == tmp_path / "mine.parquet"
    assert own_file(tmp_path, small_card()) is None
    (tmp_path / "config.toml").write_text('[data]\ntrain = ["../mine.parquet"]\n')
    (tmp_path / "run").mkdir()
    (tmp_path / "config.toml").rename(tmp_path / "run" / "config.toml")
    assert own_file(tmp_path / "run", card) is None
    (tmp_path / "run" / "config.toml").write_text('[data]\ntrain = ["mine.parquet"]\n')
    assert own_file(tmp_path / "run", card) == tmp_path / "mine.parquet"
    (tmp_path / "mine.parquet").unlink()
    assert own_file(tmp_path / "run", card) is None

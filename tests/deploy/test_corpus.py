import dataclasses

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.deploy.corpus import CorpusConfig, check_corpus, make_corpus, make_events
from hepsets.learn.pretraining.corpus import LABELS, shards_in
from hepsets.select.variables.decay_class import NO_PAIR
from hepsets.select.whole_events.particles import TRUTH

TINY = CorpusConfig(
    events=50, shares={"mixed": 1.0, "ccbar": 1.0}, skims=("fast_charm",), shard_events=40, seed=3
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    pytest.importorskip("pythia8mc")
    folder = tmp_path_factory.mktemp("corpus")
    return folder, make_corpus(TINY, folder)


def test_shards_hold_as_many_events_as_are_asked_for_and_are_found_again(corpus):
    folder, made = corpus
    assert [shard.events for shard in made] == [40, 10]
    assert shards_in(folder) == made
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir() if path.suffix == ".parquet"}
    assert make_corpus(TINY, folder) == made
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_what_was_seen_belongs_to_what_was_generated(corpus):
    seen, generated = corpus[1][0].read()
    truth = seen.particles[TRUTH]
    there = truth >= 0
    source = generated.offsets[:-1][seen.event_of_particle[there]] + truth[there]
    energy = generated.particles["energy"][source]
    charged = seen.particles["charge"][there] != 0
    pdg = np.abs(generated.particles["pdg"][source])
    assert np.isin(pdg[charged], (11, 13, 211, 321, 2212)).all()
    assert np.corrcoef(seen.particles["energy"][there], energy)[0, 1] > 0.8


def test_samples_are_mixed_and_labelled(corpus):
    _, generated = corpus[1][0].read()
    labels = generated.columns[LABELS]
    assert labels.shape == (40, 3)
    assert np.bincount(labels[:, 0]).tolist() == [20, 20]
    assert (np.diff(labels[:, 0]) != 0).sum() > 5
    assert ((labels[:, 1] == NO_PAIR) == (labels[:, 0] == 1)).all()


def test_a_shard_depends_on_its_number_alone(corpus):
    seen, _ = corpus[1][1].read()
    again, _ = make_events(TINY, 1, 10)
    assert np.array_equal(seen.particles["px"], again.particles["px"])
    assert not np.array_equal(seen.particles["px"][:5], corpus[1][0].read()[0].particles["px"][:5])


def test_another_corpus_and_unknown_samples_are_refused(corpus):
    with pytest.raises(InputError, match="another corpus"):
        make_corpus(dataclasses.replace(TINY, seed=4), corpus[0])
    with pytest.raises(InputError, match="some of mixed"):
        check_corpus(dataclasses.replace(TINY, shares={"cheese": 1.0}))

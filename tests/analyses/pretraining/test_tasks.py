"""Blocks of labelled events: what labels mean, and that no block has another's events."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hepsets.analyses.pretraining.tasks import EVENT, LABEL, MANY_PI0, TASKS, Block, make_block
from hepsets.deploy.corpus import GENERIC

pytest.importorskip("pythia8mc")


def test_a_block_depends_on_its_number_and_seed_alone():
    one = Block("pi0-count", 1, 0, 60)
    first, again = make_block(one), make_block(one)
    other = make_block(dataclasses.replace(one, number=1))
    assert np.array_equal(first.columns[EVENT], again.columns[EVENT])
    assert not set(first.columns[EVENT].tolist()) & set(other.columns[EVENT].tolist())


def test_a_shifted_detector_sees_the_same_generated_events_otherwise():
    one = Block("pi0-count", 1, 0, 60)
    first, other = make_block(one), make_block(dataclasses.replace(one, shift="resolution"))
    assert np.array_equal(first.columns[EVENT], other.columns[EVENT])
    assert np.array_equal(first.columns[LABEL], other.columns[LABEL])
    assert first.n_particles != other.n_particles or not np.array_equal(
        first.particles["px"], other.particles["px"]
    )


def test_about_half_of_the_events_have_many_pi0():
    assert MANY_PI0 == 5
    assert 0.3 < make_block(Block("pi0-count", 1, 0, 200)).columns[LABEL].mean() < 0.7


def test_each_event_gives_one_tag_side():
    made = make_block(Block("flavour-tagging", 1, 0, 60))
    assert len(set(made.columns[EVENT].tolist())) == len(made) == 60
    assert 0.2 < made.columns[LABEL].mean() < 0.8


def test_candidates_of_continuum_are_wrong_and_those_of_signal_are_marked():
    made = make_block(Block("continuum-suppression", 1, 0, 1200))
    assert 0 < made.columns[LABEL].sum() < len(made)
    marked = np.bincount(made.event_of_particle, made.particles["from_candidate"], minlength=len(made))
    assert set(marked.tolist()) == {5.0}  # three pions and two photons


def test_tasks_have_seeds_that_no_corpus_has():
    seeds = {Block(task, 1, 0, 1).seed_of_task for task in TASKS}
    corpus = {
        int(np.random.SeedSequence([1, kind, shard]).generate_state(1, np.uint64)[0] >> 1)
        for kind in range(len(GENERIC))
        for shard in range(200)
    }
    assert len(seeds) == len(TASKS)
    assert not seeds & corpus

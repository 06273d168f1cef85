"""A model in evaluation mode, in one block of code or several; more of models is in tests/contracts."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from helpers.random_events import random_events

from hepsets.core.pdg import PdgMap
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.training.score import score
from hepsets.learn.training.trainable import in_evaluation

EVENTS = random_events(60, seed=1, mean_particles=10)
PDG_MAP = PdgMap.fit(EVENTS.particles["pdg"])


@pytest.mark.parametrize("training", [True, False])
def test_blocks_that_run_at_once_leave_the_model_as_the_first_found_it(training):
    model = build_model("flat_mlp", PDG_MAP).train(training)
    first, second = in_evaluation(model), in_evaluation(model)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not any(part.training for part in model.modules())  # the second one still runs
    second.__exit__(None, None, None)
    assert all(part.training == training for part in model.modules())


def test_an_error_in_a_block_leaves_the_model_as_found():
    model = build_model("flat_mlp", PDG_MAP)
    with pytest.raises(KeyError), in_evaluation(model):
        raise KeyError
    assert model.training


@pytest.mark.parametrize("name", ["gcn_stack", "decay_sweep", "transformer"])
def test_threads_that_score_at_once_find_what_each_finds_alone(name):
    model = build_model(name, PDG_MAP, units=16)  # fresh, in training mode
    parts = [EVENTS[begin : begin + 20] for begin in (0, 20, 40)]
    alone = [score(model, part) for part in parts]
    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(lambda part: score(model, part), 4 * parts))
    np.testing.assert_array_equal(found, 4 * alone)
    assert model.training

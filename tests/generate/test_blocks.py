"""Blocks: events that fail are tried again, sizes are checked, and what Pythia refuses is said."""

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.events import PARTICLE_COLUMNS, Events
from hepsets.generate.blocks import BLOCK_EVENTS, check_block, in_blocks, new_pythia, repeat_until_made


def test_events_that_fail_are_tried_again_in_their_own_place():
    def attempt(which, seed):  # makes every second event that it is asked for
        done = which[::2]
        pdg = np.repeat(done, 2)
        particles = {name: np.zeros(len(pdg)) for name in PARTICLE_COLUMNS} | {"pdg": pdg}
        return Events(particles, np.arange(0, len(pdg) + 1, 2)), done

    events = repeat_until_made(attempt, 9, np.arange(10))
    assert events.particles["pdg"].tolist() == np.repeat(np.arange(9), 2).tolist()
    with pytest.raises(RuntimeError, match="failed 2 times in 2 of 9 events"):
        repeat_until_made(attempt, 9, np.arange(2))


def test_events_are_cut_into_whole_blocks_and_a_rest():
    sizes = list(in_blocks(lambda block, events: (block, events), 2 * BLOCK_EVENTS + 3, 1))
    assert sizes == [(0, BLOCK_EVENTS), (1, BLOCK_EVENTS), (2, 3)]
    assert list(in_blocks(lambda block, events: (block, events), 5, 1, 2)) == [(0, 2), (1, 2), (2, 1)]


@pytest.mark.parametrize("n_events", [0, BLOCK_EVENTS + 1])
def test_a_block_has_one_to_block_events(n_events):
    with pytest.raises(InputError, match=f"{n_events} events in a block"):
        check_block(n_events)


def test_a_setting_that_pythia_does_not_know_is_named():
    with pytest.raises(RuntimeError, match="refuses the setting 'No:suchThing = on'"):
        new_pythia(("No:suchThing = on",))

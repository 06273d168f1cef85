import numpy as np
import pytest
from helpers.decay_chains import continuum_events, upsilon_events

from hepsets.select.variables.decay_class import B_CLASSES, N_CLASSES, NO_PAIR, decay_class

CHAINS = {
    "lepton": (511, [-411, -11, 12]),
    "tau": (511, [-411, -15, 16]),
    "charmonium": (511, [443, 310]),
    "two_charm": (511, [-411, 431]),
    "one_charm": (511, [-413, 211]),
    "rare": (511, [211, -211]),
}


def pair(one: str, other: str) -> int:
    low, high = sorted(list(B_CLASSES).index(name) for name in (one, other))
    return high * (high + 1) // 2 + low


@pytest.mark.parametrize("name", CHAINS)
def test_the_class_of_a_b_is_what_it_decays_to(name):
    (found,) = decay_class(upsilon_events([CHAINS[name], -511], 1))
    assert found == pair(name, "rare")  # the other B leaves nothing that is seen


def test_which_b_is_which_does_not_matter_and_classes_differ():
    anti = (-511, [411, 11, -12])
    one = decay_class(upsilon_events([CHAINS["charmonium"], anti], 3))
    other = decay_class(upsilon_events([(-511, [443, 310]), CHAINS["lepton"]], 3))
    assert (one == pair("charmonium", "lepton")).all()
    assert np.array_equal(one, other)
    pairs = [pair(a, b) for a in B_CLASSES for b in B_CLASSES]
    assert len(set(pairs)) == N_CLASSES - 1
    assert max(pairs) < NO_PAIR


def test_continuum_has_no_pair():
    assert decay_class(continuum_events([421, -421], 2)).tolist() == [NO_PAIR, NO_PAIR]

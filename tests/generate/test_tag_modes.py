"""The modes of the tag conserve charge and hold what each meson must."""

import pytest
from particle import Particle

from hepsets.generate.tag_modes import B_MODES, CHARM_MODES, EXCITED_MODES


def charge(pdg):
    return round(Particle.from_pdgid(pdg).charge)


@pytest.mark.parametrize("modes", [B_MODES, CHARM_MODES, EXCITED_MODES], ids=["B", "charm", "excited"])
def test_charge_is_conserved_and_no_mode_stands_twice(modes):
    for mother, contents in modes.items():
        assert len({tuple(sorted(content)) for content in contents}) == len(contents)
        for content in contents:
            assert sum(map(charge, content)) == charge(mother), (mother, content)


def test_every_charm_meson_of_a_b_has_modes_of_its_own():
    ends = {abs(pdg) for contents in B_MODES.values() for content in contents for pdg in content}
    for excited in ends & set(EXCITED_MODES):
        ends |= {abs(content[0]) for content in EXCITED_MODES[excited]}
    assert ends - set(EXCITED_MODES) - {211, 111, 321} <= set(CHARM_MODES)

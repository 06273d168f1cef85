import numpy as np

from hepsets.core.particle_kinds import ParticleKind, kind_of


def test_muons_are_muons_of_either_charge_and_what_is_unknown_is_a_hadron():
    kinds = kind_of(np.array([13, -13, 0, 0, 2112, -2212, 1_000_022]), np.array([-1, 1, 1, 0, 0, -1, 0]))
    muon, charged, neutral = ParticleKind.MUON, ParticleKind.CHARGED_HADRON, ParticleKind.NEUTRAL_HADRON
    assert kinds.tolist() == [muon, muon, charged, neutral, neutral, charged, neutral]
    assert kinds.dtype == np.int8

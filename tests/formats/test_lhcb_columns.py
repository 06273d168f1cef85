"""Each preset names the branches of its kind of ntuple; what a user names himself comes first."""

import pytest

from hepsets.core.errors import InputError
from hepsets.formats.lhcb_columns import PRESETS, branches_of, find_branches, missing_columns, parse_own


@pytest.mark.parametrize(
    ("preset", "ours", "theirs"),
    [
        ("davinci", "bs_mass", "Bs_MM"),
        ("davinci", "bs_dira", "Bs_DIRA_OWNPV"),
        ("davinci", "bs_ip_chi2", "Bs_IPCHI2_OWNPV"),
        ("davinci", "bs_flight_chi2", "Bs_FDCHI2_OWNPV"),
        ("davinci", "bs_vertex_chi2", "Bs_ENDVERTEX_CHI2"),
        ("davinci", "decay_time", "Bs_TAU"),
        ("davinci", "kaon_ss_pid_k", "K_SS_PIDK"),
        ("davinci", "bachelor_prob_nn_k", "Pi_ProbNNk"),
        ("coursework", "bs_mass", "Bs_M"),
        ("coursework", "bs_ip_chi2", "Bs_ImpactParameter_Chi2"),
        ("coursework", "bs_dira", "Bs_CosMomentumDecayAngle"),
        ("coursework", "bs_dira", "Bs_CosMomDecayAngle"),
        ("coursework", "ds_flight_distance", "Ds_FlightDistance"),
        ("coursework", "decay_time", "Bs_DecayTime"),
        ("coursework", "bachelor_chi2_per_ndf", "Pi_Track_Chi2pDoF"),
        ("coursework", "weight", "weight"),
    ],
)
def test_presets_know_the_names_of_their_ntuples(preset, ours, theirs):
    assert find_branches([theirs], branches_of(preset))[ours] == theirs


@pytest.mark.parametrize("preset", PRESETS)
def test_no_spelling_means_two_columns(preset):
    meaning: dict[str, str] = {}
    for ours, branch in branches_of(preset).items():
        for theirs in branch.spellings:
            assert meaning.setdefault(theirs, ours) == ours


def test_the_first_of_several_names_is_taken():
    both = find_branches(["Bs_MM", "Bs_DTF_M"], branches_of("davinci"))
    assert both["bs_mass"] == "Bs_DTF_M"


def test_a_users_names_of_particles_and_of_columns_replace_the_presets():
    own = {"bs": "lab0", "kaon_os": "lab3", "bs_mass": "mass_fitted"}
    branches = branches_of("davinci", own)
    found = find_branches(["lab0_PT", "Bs_P", "lab3_PIDK", "mass_fitted", "lab0_MM"], branches)
    assert found == {"bs_pt": "lab0_PT", "kaon_os_pid_k": "lab3_PIDK", "bs_mass": "mass_fitted"}
    assert branches["bs_mass"].kind == "energy"


def test_names_that_there_are_not_are_refused_with_close_ones():
    with pytest.raises(InputError, match="did you mean bs_mass"):
        branches_of("davinci", {"bs_mas": "x"})
    with pytest.raises(InputError, match="no name for bs_mass; expected what the file calls bs_mass"):
        branches_of("davinci", {"bs_mass": ""})
    with pytest.raises(InputError, match="one of davinci, coursework"):
        branches_of("strips")
    with pytest.raises(InputError, match="no column for bs_mass"):
        find_branches(["a"], branches_of("davinci", {"bs_mass": "b"}), asked=["bs_mass"])
    told = str(missing_columns(["bs_dira"], branches_of("davinci"), ["B0_DIRA_OWNPV", "B0_M"]))
    assert "similar: B0_DIRA_OWNPV" in told
    assert "--set data.columns.bs_dira=YOURS" in told
    told = str(missing_columns(["bs_dira"], branches_of("davinci"), [" Bs_DIRA_OWNPV"]))
    assert "similar: ' Bs_DIRA_OWNPV'" in told


@pytest.mark.parametrize(
    ("pairs", "told"), [(["bs"], "NAME=YOURS"), (["=x"], "NAME=YOURS"), (["bs=a", "bs=b"], "bs twice")]
)
def test_pairs_that_are_none_are_refused(pairs, told):
    with pytest.raises(InputError, match=told):
        parse_own(pairs)

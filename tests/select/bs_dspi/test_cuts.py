"""The selection is a config: what is not one of its cuts is refused."""

import pytest
from pydantic import ValidationError

from hepsets.select.bs_dspi.cuts import CandidateCuts


def test_windows_hold_the_masses_and_unknown_cuts_are_refused():
    cuts = CandidateCuts()
    assert cuts.bs_mass[0] < 5.367 < cuts.bs_mass[1]
    assert cuts.ds_mass[0] < 1.968 < cuts.ds_mass[1]
    with pytest.raises(ValidationError, match="min_dirac"):
        CandidateCuts(min_dirac=0.9)

"""An ntuple that variablesToNtuple sampled: __weight__ holds the inverse sampling rate."""

import numpy as np
import uproot

from hepsets.analyses.continuum_suppression.samples import _ntuple
from hepsets.formats.column_names import BASF2_NAMES


def test_the_sampling_rate_is_the_weight_of_a_candidate_and_it_is_said(case, caplog):
    rng = np.random.default_rng(6)
    branches = {name: rng.random(40) for name in BASF2_NAMES.values()}
    branches |= {"isSignal": np.arange(40) % 2.0, "__weight__": np.where(np.arange(40) % 2, 1.0, 20.0)}
    with uproot.recreate(case.folder / "a.root") as file:
        file.mktree("tree", {name: column.dtype for name, column in branches.items()})
        file["tree"].extend(branches)
    with caplog.at_level("INFO"):
        candidates = _ntuple(("a.root",), None)
    assert candidates.columns["weight"].tolist() == branches["__weight__"].tolist()
    assert "__weight__ (inverse sampling rate)" in caplog.text

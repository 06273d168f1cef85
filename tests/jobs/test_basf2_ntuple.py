"""Somebody has ntuples of basf2: from thirty variables under its names to a branch with the trees' score."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import uproot
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from hepsets.formats.column_names import BASF2_NAMES

pytestmark = pytest.mark.validate

CANDIDATES = 4000
SHIFT = 0.4
BEST = norm.cdf(SHIFT * np.sqrt(len(BASF2_NAMES) / 2))
"""The area under the curve of the likelihood ratio: nothing can be better."""


def ntuple(path):
    """Candidates whose thirty variables each tell a little, as variablesToNtuple names its branches."""
    random = np.random.default_rng(1)
    signal = random.random(CANDIDATES) < 0.5
    branches = {
        name.replace("(", "__bo").replace(")", "__bc"): random.normal(SHIFT * signal, 1.0)
        for name in BASF2_NAMES.values()
    }
    counted = np.arange(CANDIDATES)
    branches |= {
        "__experiment__": np.full(CANDIDATES, 1003, np.int32), "__run__": np.zeros(CANDIDATES, np.int32),
        "__event__": (counted + 1).astype(np.int32), "__candidate__": np.zeros(CANDIDATES, np.int32),
        "isSignal": signal.astype(np.float64),
        "Mbc": random.uniform(5.24, 5.29, CANDIDATES), "deltaE": random.uniform(-0.2, 0.2, CANDIDATES),
    }  # fmt: skip
    with uproot.recreate(path) as file:
        file.mktree("B0", {name: column.dtype for name, column in branches.items()})
        file["B0"].extend(branches)
    return branches


def test_an_ntuple_trains_trees_near_the_best_possible_and_gets_their_score_as_a_branch(
    with_everything, tmp_path
):
    branches = ntuple(tmp_path / "mine.root")
    user = with_everything(tmp_path)
    user.types(
        "hepsets run continuum-suppression --scale quick --data mine.root --set 'models=[\"bdt\"]' --out RUN"
    )
    (model,) = json.loads((tmp_path / "RUN" / "result.json").read_text())["metrics"]["models"]
    assert 0.85 < model["auc"] < BEST + 3 * model["auc_se"]

    user.types("hepsets apply RUN mine.root:B0 --out scored.root")
    with uproot.open(tmp_path / "scored.root") as file:
        scored = file["B0"].arrays(library="np")
    assert set(scored) == {*branches, "score"}
    for name, column in branches.items():
        np.testing.assert_array_equal(scored[name], column)
    (table,) = (tmp_path / "RUN" / "predictions").glob("*.parquet")
    tested = pq.read_table(table)
    places = tested["event_number"].to_numpy() - 1
    np.testing.assert_allclose(scored["score"][places], tested["bdt"].to_numpy(), atol=1e-6)
    auc = roc_auc_score(scored["isSignal"][places], scored["score"][places])
    assert auc == pytest.approx(model["auc"], abs=1e-4)

"""A file with two trees that hold the variables."""

import numpy as np
import uproot

from hepsets.formats.column_names import BASF2_NAMES


def test_the_remedy_names_an_option_that_exists_and_a_tree_behind_the_file_is_understood(case):
    rng = np.random.default_rng(23)
    with uproot.recreate(case.folder / "a.root") as file:
        for tree in ("tree", "other"):
            branches = {name: rng.random(40) for name in BASF2_NAMES.values()} | {"isSignal": np.ones(40)}
            file.mktree(tree, {name: column.dtype for name, column in branches.items()})
            file[tree].extend(branches)
    case.add()
    run = ("run", "continuum-suppression", "--scale", "quick", "--out", "run")
    code, _, err = case.hepsets(*run, "--data", "a.root", "--test-data", "a.root")
    assert code == 2
    assert "--set data.tree=" in err
    code, _, err = case.hepsets(*run, "--data", "a.root:tree", "--test-data", "a.root:other")
    assert code == 2
    assert "a.root:tree: candidates of one class" in err  # so the tree was read

"""The lines of docs/files.md that turn files of another layout into ours do so, exactly."""

import re
from pathlib import Path

import awkward as ak
import numpy as np
from helpers.random_events import random_events

import hepsets as hs
from hepsets.analyses.inspection import inspect_file

PAGE = Path(__file__).parents[2] / "docs" / "files.md"


def test_lists_in_mev_and_mm_with_rows_of_mothers_become_the_same_events(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    events = random_events(30)
    tree = events.to_awkward().particles
    row = ak.local_index(tree.pdg)
    mother = ak.unflatten(events.mothers - np.repeat(events.offsets[:-1], events.multiplicity), ak.num(row))
    mine = {
        "mc_PDG": tree.pdg,
        "mc_mother": ak.where(mother == row, -1, mother),
        "mc_t": tree.prod_time,
        "mc_E": tree.energy * 1000.0,
        **{f"mc_v{axis}": tree[axis] * 10.0 for axis in "xyz"},
        **{f"mc_p{axis}": tree[f"p{axis}"] * 1000.0 for axis in "xyz"},
        "passed": np.arange(30) % 2,
    }
    ak.to_parquet(ak.zip(mine, depth_limit=1), "mine.parquet")
    assert "smart-background: lacks a column particles" in "\n".join(
        inspect_file(Path("mine.parquet")).lines()
    )
    (code,) = re.findall(r"```python\n(import awkward as ak\n.*?)```", PAGE.read_text("utf-8"), re.S)
    exec(compile(code, "files.md", "exec"), {})
    found = hs.read("events.parquet")
    for name, column in events.particles.items():
        if name not in ("index", "mother_index"):
            np.testing.assert_allclose(found.particles[name], column, rtol=1e-6, atol=1e-30)
    np.testing.assert_array_equal(found.mothers, events.mothers)
    assert found.columns["label"].tolist() == mine["passed"].tolist()
    assert "smart-background: fits" in "\n".join(inspect_file(Path("events.parquet")).lines())

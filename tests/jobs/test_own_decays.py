"""Somebody has B⁰ → K*⁰μ⁺μ⁻ decays: which ΔC9 made them, right after installation, whatever the file is."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot

pytestmark = pytest.mark.validate

TRUE = -0.8
COLUMNS = ("q_squared", "costheta_mu", "costheta_K", "chi")


@pytest.fixture
def user(with_everything, tmp_path):
    """A user with 6 000 decays, as ROOT, parquet and CSV."""
    user = with_everything(tmp_path)
    user.types(f"hepsets generate kstmumu --delta-c9={TRUE} --events 6000 --seed 5 --out generated.parquet")
    decays = pq.read_table(tmp_path / "generated.parquet", columns=list(COLUMNS))
    write(decays, tmp_path / "mine")
    return user


def write(decays, path):
    table = {name: decays[name].to_numpy().astype(np.float64) for name in COLUMNS}
    with uproot.recreate(path.with_suffix(".root")) as file:
        file.mktree("decays", dict.fromkeys(COLUMNS, np.float64))
        file["decays"].extend(table)
    pq.write_table(pa.table(table), path.with_suffix(".parquet"))
    rows = np.column_stack(list(table.values()))
    np.savetxt(path.with_suffix(".csv"), rows, "%.17g", ",", header=",".join(COLUMNS), comments="")


def found(user, words):
    """What hepsets infer says of a file."""
    user.types(f"hepsets infer delta-c9 {words} --level generator --window 0-20 --out found.json")
    result = json.loads((user.folder / "found.json").read_text())
    assert result["verdict"] == "yes"
    return result


def test_the_shipped_models_find_the_value_that_made_the_decays_in_root_parquet_and_csv(user):
    results = [found(user, f"mine.{kind}") for kind in ("root", "parquet", "csv")]
    low, high = results[0]["interval68"]
    assert 0.1 < high - low < 0.3  # the Cramér–Rao bound of 6 000 decays gives 0.157
    assert abs(results[0]["delta_c9"] - TRUE) < 3 * (high - low) / 2
    for other in results[1:]:
        assert other["delta_c9"] == pytest.approx(results[0]["delta_c9"], abs=1e-4)
        assert other["interval68"] == pytest.approx(results[0]["interval68"], abs=1e-4)


def test_decays_cut_in_q_squared_give_the_value_too_when_the_cut_is_told(user):
    decays = pq.read_table(user.folder / "mine.parquet")
    q_squared = decays["q_squared"].to_numpy()
    write(decays.filter(pa.array((q_squared > 1.1) & (q_squared < 6.0))), user.folder / "cut")
    result = found(user, "cut.root --q-squared 1.1-6")
    low, high = result["interval68"]
    assert abs(result["delta_c9"] - TRUE) < 3 * (high - low) / 2
    assert 0.15 < high - low < 1.5

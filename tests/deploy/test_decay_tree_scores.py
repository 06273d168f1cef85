"""Models and filters of decay trees on files of generated events."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.small_filter import beam_events, small_card, small_filter, small_model

from hepsets.core.errors import InputError
from hepsets.core.events import EventWriter, read_parquet
from hepsets.deploy.apply import apply_file
from hepsets.deploy.filter.card import save_card
from hepsets.deploy.scorers import find_scorer
from hepsets.learn.files import save
from hepsets.learn.training.score import score_heads

EVENTS = beam_events(50, 3)


@pytest.fixture
def mine(tmp_path):
    """A user's file: several row groups, columns of any kind, metadata; one event with no beam energy."""
    path = tmp_path / "mine.parquet"
    strange = beam_events(50, 3)
    strange.particles["energy"][strange.offsets[7]] = 20.0
    table = strange.to_arrow()
    table = table.append_column("my name", pa.array([f"event {i}" for i in range(50)]))
    table = table.append_column("nulls", pa.array([None, 1.0] * 25))
    pq.write_table(table.replace_schema_metadata({"who": "me"}), path, row_group_size=20)
    return path


@pytest.mark.parametrize("skims", [1, 2])
def test_a_filter_adds_its_scores_and_the_flag_of_its_domain(tmp_path, mine, skims):
    scorer, before = find_scorer(small_filter(skims)), mine.read_bytes()
    done = apply_file(scorer, mine, tmp_path / "out.parquet", prefix="p")
    names = ["p_hadronic_b0", "p_jpsi"][:skims]
    assert done.columns == (*names, "p_outside")
    found, old = pq.read_table(tmp_path / "out.parquet"), pq.read_table(mine)
    assert mine.read_bytes() == before
    assert found.select(old.column_names).cast(old.schema).equals(old)
    assert found.schema.metadata[b"who"] == b"me"
    assert json.loads(found.schema.metadata[b"p_hadronic_b0_note"])["outputs"] == list(scorer.outputs)
    expected = score_heads(small_model(skims), read_parquet(mine, columns=[]))
    for name, column in zip(names, expected.T, strict=False):
        np.testing.assert_allclose(found[name].to_numpy(), column, atol=1e-5)
    assert np.flatnonzero(found["p_outside"].to_numpy()).tolist() == [7]
    assert any("1 events outside the training domain (another beam energy" in line for line in done.lines())


def test_a_model_of_a_run_knows_the_domain_of_the_card_beside_it(tmp_path, mine):
    path = tmp_path / "deep_sets_pdg.safetensors"
    save(small_model(), path)
    alone = apply_file(find_scorer(path), mine, tmp_path / "alone.parquet")
    assert alone.columns == ("score",)
    save_card(small_card(), tmp_path / "deep_sets_pdg.card.json")
    with_card = apply_file(find_scorer(path), mine, tmp_path / "card.parquet")
    assert with_card.columns == ("score_hadronic_b0", "score_outside")
    one, two = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("alone", "card"))
    np.testing.assert_allclose(one["score"].to_numpy(), two["score_hadronic_b0"].to_numpy(), atol=1e-7)


def test_heads_that_nobody_named_are_numbered(tmp_path, mine):
    save(small_model(2), tmp_path / "two.safetensors")
    done = apply_file(find_scorer(tmp_path / "two.safetensors"), mine, tmp_path / "out.parquet")
    assert done.columns == ("score_1", "score_2")


def test_events_that_are_not_valid_leave_no_file(tmp_path):
    path = tmp_path / "bad.parquet"
    bad = beam_events(50, 3)
    bad.particles["energy"][300] = np.nan
    with EventWriter(path) as writer:
        writer.write(bad)
    with pytest.raises(InputError, match=r"bad\.parquet.*energy"):
        apply_file(find_scorer(small_filter()), path, tmp_path / "out.parquet")
    pq.write_table(pa.table({"x": [1.0]}), path)
    with pytest.raises(InputError, match="event table"):
        apply_file(find_scorer(small_filter()), path, tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepsets.core.errors import InputError
from hepsets.core.pdg import UNKNOWN, PdgMap, particle_names


@given(st.sets(st.integers(-(2**31), 2**31 - 1), min_size=1), st.lists(st.integers(-(2**31), 2**31 - 1)))
def test_every_known_id_has_its_own_token_and_every_other_is_unknown(known, others):
    ids = sorted(known)
    pdg_map = PdgMap(tuple(ids))
    tokens = pdg_map.tokens(np.array(ids))
    assert tokens.tolist() == list(range(1, len(ids) + 1))
    strangers = [i for i in others if i not in known]
    assert (pdg_map.tokens(np.array(strangers, dtype=np.int64)) == UNKNOWN).all()
    assert len(pdg_map) == len(ids) + 1


def test_rare_ids_share_the_unknown_token():
    pdg = np.array([211] * 5 + [321] * 4 + [13])
    pdg_map = PdgMap.fit(pdg, min_count=4)
    assert pdg_map.ids == (211, 321)
    assert pdg_map.unknown(pdg) == {13: 1}


def test_the_studys_json_map_keeps_its_order(tmp_path):
    path = tmp_path / "pdg.json"
    path.write_text(json.dumps([[22, 2], [-511, 1], [300553, 3]]))
    assert PdgMap.from_json(path).ids == (-511, 22, 300553)


@pytest.mark.parametrize("content", ["", "[1, 2]", '{"a": 1}', "[[1, 2], [1, 3]]"])
def test_a_json_file_that_is_no_map_is_refused(tmp_path, content):
    path = tmp_path / "pdg.json"
    path.write_text(content)
    with pytest.raises(InputError):
        PdgMap.from_json(path)


def test_names_are_the_fields_names_or_the_number():
    assert particle_names([511, -511, 22, 300553, 99999999]) == [
        "B0",
        "B~0",
        "gamma",
        "Upsilon(4S)",
        "99999999",
    ]

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepsets.core.errors import InputError
from hepsets.core.record import KEY, checksum_of_file, parse, sealed, unsealed

numbers = st.floats(allow_nan=False) | st.integers(-(2**60), 2**60) | st.booleans() | st.text(max_size=5)
records = st.dictionaries(
    st.text(max_size=5).filter(lambda key: key != KEY), st.lists(numbers, max_size=3) | numbers, max_size=5
)


@given(records, st.lists(st.binary(max_size=8), max_size=3))
def test_a_record_comes_back_through_json_and_without_its_checksum(record, beside):
    import json

    assert unsealed(json.loads(json.dumps(sealed(record, beside))), "x", beside) == record


@given(records, numbers, numbers)
def test_any_change_of_a_number_is_seen(record, one, other):
    record = {**record, "value": one}
    changed = {**copy.deepcopy(sealed(record)), "value": other}
    if one == other and type(one) is type(other):
        assert unsealed(changed, "x") == record
    else:
        with pytest.raises(InputError, match="x is damaged or was edited"):
            unsealed(changed, "x")


def test_what_lies_beside_is_covered_and_parts_cannot_run_together():
    record = sealed({"a": 1}, [b"ab", b"c"])
    for beside in ([b"a", b"bc"], [b"ab"], [b"ab", b"d"]):
        with pytest.raises(InputError, match="damaged"):
            unsealed(record, "x", beside)


def test_tuples_and_keys_that_are_numbers_are_as_they_come_back():
    assert sealed({"a": (1, 2), 9: 0, 10: 1})[KEY] == sealed({"a": [1, 2], "9": 0, "10": 1})[KEY]


def test_a_record_without_checksum_goes_through():
    assert unsealed({"a": np.pi}, "x") == {"a": np.pi}


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "", "nonsense", b"\xff\xfe\x00"])
def test_what_is_no_json_is_a_value_error_however_deep(text):
    with pytest.raises(ValueError, match=r"."):
        parse(text)


def test_the_checksum_of_a_file_is_the_one_that_sha256sum_prints(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")  # the example of FIPS 180-2
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert checksum_of_file(tmp_path / "abc") == expected

"""Results as JSON."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hepsets.core.measured import Measured
from hepsets.core.metrics import record, to_json


@dataclasses.dataclass(frozen=True)
class Row:
    model: str
    auc: Measured
    spread: float | None


ROW = Row("bdt", Measured(0.9, 0.01), None)


def test_the_error_of_a_field_stands_beside_it():
    expected = {"model": "bdt", "auc": 0.9, "auc_se": 0.01, "spread": None}
    assert to_json(ROW) == record(model="bdt", auc=Measured(0.9, 0.01), spread=None) == expected
    assert to_json({"rows": (ROW,)}) == {"rows": [expected]}


def test_a_measured_number_by_itself_has_value_and_error():
    assert to_json({"retention": {"jpsi": Measured(0.1, 0.2)}}) == {
        "retention": {"jpsi": {"value": 0.1, "se": 0.2}}
    }


def test_arrays_and_their_numbers_become_plain():
    found = to_json({1: np.arange(2), "n": np.int64(3), "x": np.float64(0.1), "yes": np.True_})
    assert found == {"1": [0, 1], "n": 3, "x": 0.1, "yes": True}
    assert [type(value) for value in found.values()] == [list, int, float, bool]


def test_a_number_that_is_not_finite_is_named():
    with pytest.raises(ValueError, match=r"metrics\.rows\[0\]\.auc_se is nan"):
        to_json({"rows": [dataclasses.replace(ROW, auc=Measured(0.9, float("nan")))]})

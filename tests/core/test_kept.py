"""Results kept in files and read back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.kept import keep, read_kept
from hepsets.core.measured import Measured


@dataclasses.dataclass(frozen=True)
class Cell:
    level: Literal["generator", "detector"]
    number: int


@dataclasses.dataclass(frozen=True)
class Found:
    of: Mapping[Cell, Measured]
    pairs: dict[tuple[Cell, str], tuple[float, ...]]
    arrays: dict[str, NDArray[np.float64]]
    text: str | None
    low: float
    each: list[Measured | None]
    bracket: tuple[float, str]
    path: Path


FOUND = Found(
    of={Cell("generator", 1): Measured(0.1, float("nan"))},
    pairs={(Cell("detector", 2), "x"): (1.5, np.float64(2.5))},
    arrays={"a/b": np.array([0.1, np.inf]), "empty": np.zeros((0, 3), dtype=np.int8)},
    text=None,
    low=float("-inf"),
    each=[Measured(1 / 3, 0.0), None],
    bracket=(1e-300, "μ"),
    path=Path("a.root"),
)


def test_what_is_read_is_what_was_written(tmp_path):
    keep(tmp_path / "found", FOUND)
    again = read_kept(tmp_path / "found", Found)
    for name in ("pairs", "text", "low", "each", "bracket", "path"):
        assert getattr(again, name) == getattr(FOUND, name)
    measured = again.of[Cell("generator", 1)]
    assert measured.value == 0.1
    assert np.isnan(measured.se)
    for name, array in FOUND.arrays.items():
        np.testing.assert_array_equal(again.arrays[name], array)
        assert again.arrays[name].dtype == array.dtype


def test_what_an_annotation_does_not_say_is_refused(tmp_path):
    for wrong in (
        dataclasses.replace(FOUND, text=object()),
        dataclasses.replace(FOUND, each=[Cell("generator", 1)]),
        dataclasses.replace(FOUND, arrays={"a": np.array([None])}),
    ):
        with pytest.raises(TypeError, match="Found"):
            keep(tmp_path / "found", wrong)


def test_results_of_another_version_are_refused(tmp_path):
    keep(tmp_path / "found", FOUND)
    path = tmp_path / "found.json"
    content = json.loads(path.read_text())
    content["result"]["new"] = content["result"].pop("low")
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"that .* cannot read; .*; repeat the run"):
        read_kept(tmp_path / "found", Found)


def test_missing_damaged_and_other_results_are_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_kept(tmp_path / "found", Found)
    keep(tmp_path / "found", Measured(1.0, 0.1))
    with pytest.raises(InputError, match="holds hepsets"):
        read_kept(tmp_path / "found", Found)
    keep(tmp_path / "found", FOUND)
    (tmp_path / "found.npz").write_bytes(b"no archive")
    with pytest.raises(InputError, match="repeat the run"):
        read_kept(tmp_path / "found", Found)

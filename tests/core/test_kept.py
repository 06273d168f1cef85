"""Results kept in files and read back."""

from __future__ import annotations

import contextlib
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
    del content["sha256"]  # as that version would have written it
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"that .* cannot read; .*; repeat the run"):
        read_kept(tmp_path / "found", Found)
    content["result"]["low"] = content["result"]["new"]  # a field more than there are
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
    with pytest.raises(InputError, match="checksum"):
        read_kept(tmp_path / "found", Found)


@pytest.mark.parametrize("end", [".json", ".npz"])
def test_no_bit_of_kept_results_changes_unnoticed(tmp_path, end):
    keep(tmp_path / "found", FOUND)
    path = (tmp_path / "found").with_suffix(end)
    whole = path.read_bytes()
    damaged = [whole[:-2], whole[: len(whole) // 2], b""]
    for at in range(0, len(whole), 7):
        damaged.append(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(InputError):
            read_kept(tmp_path / "found", Found)


def test_results_and_arrays_of_two_runs_do_not_make_one(tmp_path):
    keep(tmp_path / "found", FOUND)
    keep(tmp_path / "other", dataclasses.replace(FOUND, arrays={"a/b": np.ones(2), "empty": np.zeros(0)}))
    (tmp_path / "other.npz").replace(tmp_path / "found.npz")
    with pytest.raises(InputError, match=r"found\.json with found\.npz is damaged"):
        read_kept(tmp_path / "found", Found)
    (tmp_path / "found.npz").unlink()
    with pytest.raises(InputError, match=r"found\.npz cannot be read"):
        read_kept(tmp_path / "found", Found)


def test_arrays_without_a_checksum_are_refused_in_one_way_however_they_are_damaged(tmp_path):
    keep(tmp_path / "found", FOUND)
    record, arrays = tmp_path / "found.json", tmp_path / "found.npz"
    content = json.loads(record.read_text())
    del content["sha256"]  # earlier versions wrote none
    record.write_text(json.dumps(content))
    whole = arrays.read_bytes()
    for at in range(0, len(whole), 3):
        arrays.write_bytes(whole[:at] + bytes(byte ^ 255 for byte in whole[at : at + 3]) + whole[at + 3 :])
        with contextlib.suppress(InputError):
            read_kept(tmp_path / "found", Found)

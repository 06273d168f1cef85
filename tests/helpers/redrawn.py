"""A finished run whose report is drawn again while nothing can be computed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xgboost

from hepsets.analyses.report import redraw


def redrawn(folder: Path, analysis: Any, work: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[bytes, bytes]:
    """The report of a run, and the one that is drawn from a copy without events, models and predictions.

    While it is drawn random numbers, networks and trees refuse to work: without them nothing can be
    generated, fitted or inferred.
    """

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a report computes")

    kept = work / "kept"
    kept.mkdir()
    for name in ("config.toml", "result.json", "report.json", "report.npz"):
        shutil.copy(folder / name, kept / name)
    monkeypatch.setattr(np.random, "default_rng", refuse)
    monkeypatch.setattr(torch.nn.Module, "__call__", refuse)
    monkeypatch.setattr(xgboost.Booster, "__init__", refuse)
    page = redraw(kept, lambda name: analysis)
    drawn = {path.name for path in (kept / "figures").iterdir()}
    assert drawn == {path.name for path in (folder / "figures").iterdir()}
    return (folder / "report.html").read_bytes(), page.read_bytes()

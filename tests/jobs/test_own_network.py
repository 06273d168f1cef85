"""Somebody has a network of their own: in a package beside hepsets it trains and becomes a filter."""

import json
import re

import numpy as np
import pyarrow.parquet as pq
import pytest
from helpers.fresh_environment import pip, wheel_of
from helpers.house import ROOT

pytestmark = pytest.mark.validate

PROJECT = """
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "my-networks"
version = "1.0"

[project.entry-points."hepsets.models"]
energies = "my_networks:ENERGIES"

[tool.setuptools]
py-modules = ["my_networks"]
"""
TINY = (
    "--set fit.epochs=10 --set fit.batch=64 --set fit.learning_rate=0.01 --set fit.least_steps=0 "
    "--set training_seeds=1"
)


def code_of_docs(words):
    """The Python of docs/extending.md that has these words in it."""
    text = (ROOT / "docs" / "extending.md").read_text()
    (found,) = (code for code in re.findall(r"```python\n(.*?)```", text, re.S) if words in code)
    return found


def installed(user, folder):
    """The package, installed beside hepsets as pip does it."""
    (folder / "source").mkdir()
    (folder / "source" / "pyproject.toml").write_text(PROJECT)
    (folder / "source" / "my_networks.py").write_text(code_of_docs("class Energies"))
    wheel = wheel_of(folder / "source", folder / "wheels")
    pip("install", "--quiet", "--no-deps", "--no-index", wheel, python=user.environment.python)


def test_a_network_of_a_package_beside_trains_and_decides_as_a_filter_without_torch(
    with_everything, with_the_base, production, tmp_path
):
    user = with_everything(tmp_path)
    installed(user, tmp_path)
    try:
        assert "energies (of my-networks)" in user.types("hepsets list")
        user.types(
            f"hepsets run smart-background --scale quick --data {production}/labelled.parquet"
            f' --set \'models=["energies","deep_sets_pdg"]\' {TINY} --out RUN'
        )
        models = json.loads((tmp_path / "RUN" / "result.json").read_text())["metrics"]["models"]
        ours = {model["name"]: model for model in models}["energies"]
        assert ours["auc"] - 2 * ours["auc_se"] > 0.55
        assert "energies" in (tmp_path / "RUN" / "table.md").read_text()
        user.types(
            f"hepsets export RUN --model energies --data {production}/labelled.parquet --out mine.onnx"
        )
        user.types(f"hepsets apply RUN {production}/labelled.parquet --name energies --out torch.parquet")
    finally:
        pip("uninstall", "--quiet", "--yes", "my-networks", python=user.environment.python)

    farm = with_the_base(tmp_path)  # neither the package nor torch is there
    farm.types(f"hepsets apply mine.onnx {production}/labelled.parquet --out onnx.parquet")
    by_torch, by_onnx = (
        pq.read_table(tmp_path / f"{name}.parquet")["score_label"] for name in ("torch", "onnx")
    )
    np.testing.assert_allclose(by_onnx.to_numpy(), by_torch.to_numpy(), atol=1e-5)
    # for so weak a network the best floor may be 1, and all events go on
    farm.types(
        f"hepsets filter {production}/labelled.parquet --model mine.onnx --floor 0.1 --out kept.parquet"
    )
    weights = pq.read_table(tmp_path / "kept.parquet")["hepsets_label"].to_numpy()
    generated = len(by_onnx)
    assert 0 < len(weights) < generated
    error = np.sqrt(np.sum(weights * (weights - 1)))
    assert abs(weights.sum() - generated) < 3 * error

"""A package of somebody else gives an analysis, a skim and a detector, and the command takes them."""

import os
import re
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
from helpers.house import ROOT
from helpers.plugins import declare

from hepsets.core.events import read_parquet, write_parquet
from hepsets.generate.pythia import generate_block

PAGE = ROOT / "docs" / "extending.md"

TRAIN_ITS_MODEL = """
import numpy as np
import hepsets as hs

events = hs.generate("mixed", 300, seed=1)
model = hs.fit("my_model", events, np.arange(300) % 2 == 0, options={"power": 3}, epochs=1, batch=64)
hs.save(model, "power.safetensors")
again = hs.load("power.safetensors")
print(again.config.power, np.array_equal(hs.score(again, events), hs.score(model, events)))
plain = hs.fit("energies", events, np.arange(300) % 2 == 0, epochs=1, batch=64)
hs.save(plain, "plain.safetensors")
print(np.array_equal(hs.score(hs.load("plain.safetensors"), events), hs.score(plain, events)))
"""

MODULE = '''
"""What docs/extending.md calls an external plugin, as small as it gets."""

import dataclasses
from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as settings

name = "dice"
question = "How often does a die show a six?"


@settings(frozen=True, config=ConfigDict(extra="forbid"))
class Config:
    scale: Literal["quick", "standard"] = "standard"
    seed: int = 1
    throws: int = 6000


SCALES = {"quick": {"throws": 60}, "standard": {}}


@dataclass(frozen=True)
class Result:
    config: Config
    sixes: int

    @property
    def metrics(self):
        return {"sixes": self.sixes, "throws": self.config.throws}


def run(config, folder, *, workers=1):
    import numpy as np

    return Result(config, int((np.random.default_rng(config.seed).integers(1, 7, config.throws) == 6).sum()))


def sections(result, figures):
    from hepsets.report.page import Section

    yield Section("Sixes", (f"{result.sixes} of {result.config.throws} throws.",))


def very_fast_charm(lists, event_numbers):
    """A D meson above 3 GeV."""
    from hepsets.select.skims.fast_charm import FastCharmConfig, find_fast_charm

    return find_fast_charm(lists, event_numbers, cuts=FastCharmConfig(min_momentum=3.0))


def __getattr__(name):
    if name != "HALF_BLIND":
        raise AttributeError(name)
    from hepsets.simulate.belle2 import BELLE2

    return dataclasses.replace(BELLE2, tracker=dataclasses.replace(BELLE2.tracker, plateau=0.5))
'''


def code_of_docs(words):
    """The Python of docs/extending.md that has these words in it."""
    (found,) = (text for text in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S) if words in text)
    return found


@pytest.fixture(scope="module")
def hepsets(tmp_path_factory):
    """The command in a process that finds the package; gives exit code and both streams."""
    folder = tmp_path_factory.mktemp("package")
    (folder / "dice_package.py").write_text(MODULE)
    (folder / "my_model.py").write_text(code_of_docs("class Power"))
    (folder / "plain_model.py").write_text(code_of_docs("class Energies"))
    groups = {
        "hepsets.analyses": {"dice": "dice_package", "broken": "no_such_module"},
        "hepsets.models": {"my_model": "my_model:POWER", "energies": "plain_model:ENERGIES"},
        "hepsets.skims": {"very_fast_charm": "dice_package:very_fast_charm"},
        "hepsets.detectors": {"half_blind": "dice_package:HALF_BLIND", "nonsense": "dice_package:SCALES"},
    }
    declare(folder, "dice-package", groups)
    path = os.pathsep.join([*filter(None, sys.path), str(folder)])

    def command(*words, code="from hepsets.cli.main import main; main()"):
        return subprocess.run(
            [sys.executable, "-c", code, *map(str, words)],
            env=os.environ | {"PYTHONPATH": path}, cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return command


def test_list_names_what_the_package_gives_and_the_package(hepsets):
    done = hepsets("list")
    assert done.returncode == 0, done.stderr
    assert "dice (of dice-package)\n    How often does a die show a six?" in done.stdout
    assert "analysis 'broken' of dice-package (no_such_module) cannot be used" in done.stdout
    assert "very_fast_charm (of dice-package)" in done.stdout
    assert "half_blind (of dice-package)" in done.stdout
    assert "models:    energies (of dice-package), my_model (of dice-package)" in done.stdout


def test_its_analysis_runs_as_those_of_hepsets_do(hepsets, tmp_path):
    done = hepsets("run", "dice", "--scale", "quick", "--set", "throws=600", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "run" / "report.html").read_text()
    assert "of 600 throws." in page
    assert "How often does a die show a six?" in page
    assert '"analysis": "dice"' in (tmp_path / "run" / "result.json").read_text()
    (tmp_path / "run" / "report.html").unlink()
    assert hepsets("report", tmp_path / "run").returncode == 0
    assert (tmp_path / "run" / "report.html").read_text() == page
    for words, message in (
        (("run", "dice", "--study", "loaded"), "expected no --study"),
        (("run", "dice", "--set", "throw=1"), "did you mean 'throws'"),
        (("run", "broken"), "analysis 'broken' of dice-package"),
        (("tune", "dice", "--trials", "1"), "an analysis that has it: smart-background"),
    ):
        done = hepsets(*words)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert message in done.stderr


def test_its_skim_and_detector_are_taken_by_name(hepsets, tmp_path):
    events = tmp_path / "events.parquet"
    write_parquet(generate_block("ccbar", 3, 0, 300), events)
    rates = {}
    for detector in ("belle2", "half_blind"):
        out = tmp_path / f"{detector}.parquet"
        done = hepsets(
            "simulate", events, "--out", out, "--detector", detector,
            "--skim", "fast_charm", "--skim", "very_fast_charm",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        labels = read_parquet(out).columns
        assert (labels["label_very_fast_charm"] <= labels["label_fast_charm"]).all()
        rates[detector] = np.mean(labels["label_fast_charm"])
        assert pq.read_schema(out).metadata[b"hepsets.detector"] == detector.encode()
    assert rates["half_blind"] < rates["belle2"]
    done = hepsets("simulate", events, "--out", tmp_path / "x.parquet", "--detector", "nonsense")
    assert done.returncode == 2
    assert "detector 'nonsense' of dice-package" in done.stderr
    assert "(dict is no DetectorConfig, LayeredConfig or ForwardConfig)" in done.stderr


def test_its_models_as_the_docs_have_them_are_trained_kept_and_loaded_by_name(hepsets):
    done = hepsets(code=TRAIN_ITS_MODEL)
    assert (done.stdout.split(), done.returncode) == (["3", "True", "True"], 0), done.stderr

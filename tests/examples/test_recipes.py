"""The recipes of the docs run as they stand, and others read what they write."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import uproot

import hepsets as hs
from hepsets.deploy.filter.event_filter import FilterSettings

pyhepmc = pytest.importorskip("pyhepmc")
pytest.importorskip("pythia8mc")

PAGE = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")


def blocks(language: str, word: str) -> str:
    (found,) = (text for text in re.findall(rf"```{language}\n(.*?)```", PAGE, re.S) if word in text)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the first commands of the page leave, of 200 events."""
    from typer.testing import CliRunner

    from hepsets.cli.main import app

    where = tmp_path_factory.mktemp("recipes")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(where)
        for line in blocks("sh", "hepsets filter").splitlines():
            words = shlex.split(line.replace("10000", "200"), comments=True)
            assert words[0] == "hepsets"
            done = CliRunner().invoke(app, words[1:])
            assert done.exit_code == 0, done.output
    return where


def test_hepmc3_reads_the_events_and_the_weights_of_a_filter_by_both_names(folder, monkeypatch):
    monkeypatch.chdir(folder)
    exec(compile(blocks("python", "import pyhepmc"), "recipe", "exec"), {})
    with pyhepmc.open("kept.hepmc") as file:
        kept = {
            event.event_number: (event.weight("hepsets_hadronic_b0"), event.weight("weight_hadronic_b0"))
            for event in file
        }
    events = hs.read("mixed.hepmc")
    expected = hs.load_filter().weights(events, FilterSettings(), event_numbers=np.arange(200))[:, 0]
    assert list(kept) == np.flatnonzero(expected).tolist()
    for number, (ours, theirs) in kept.items():
        assert ours == theirs == pytest.approx(expected[number], rel=1e-5)


def test_a_tree_of_root_holds_every_particle(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(compile(blocks("python", "uproot.recreate"), "recipe", "exec"), names)
    tree = uproot.open("mixed.root")["events"]
    events = names["events"]
    assert tree["nparticle"].array(library="np").tolist() == events.multiplicity.tolist()
    for name in ("pdg", "energy", "mother_index", "prod_time"):
        flat = np.concatenate(tree[f"particle_{name}"].array(library="np").tolist())
        assert np.array_equal(flat, events.particles[name])

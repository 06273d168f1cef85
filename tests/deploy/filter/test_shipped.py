"""The filters of the package: they are there, small, and worth what their cards say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.hepmc_text import hepmc_text
from ship_filters import ship
from sklearn.metrics import roc_auc_score

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.deploy.filter.event_filter import EventFilter, FilterSettings
from hepsets.deploy.filter.shipped import FOLDER, SHIPPED, filter_file
from hepsets.select.skims.registry import SKIMS, run_skims

pytest.importorskip("pythia8mc")

from hepsets.generate.pythia import SAMPLES, generate_block

SEED = 20_261_122
"""Events that no run of ours has used."""


def some(sample: str, number: int) -> tuple[Events, np.ndarray]:
    events = generate_block(sample, SEED, 0, number)
    return events, np.arange(number)


def test_both_filters_and_their_cards_are_there_and_small():
    sizes = [filter_file(name).stat().st_size for name in SHIPPED]
    assert sum(sizes) < 2_000_000
    for name in SHIPPED:
        text = (FOLDER / f"{name}.md").read_text()
        for skim in EventFilter.load(name).skims:
            assert f"`{skim}`" in text
        assert "nan" not in text.lower().split()


def test_they_do_not_tell_where_they_were_made():
    for name in SHIPPED:
        assert b".py" not in filter_file(name).read_bytes()


def test_without_a_name_the_hadronic_tag_is_loaded():
    assert EventFilter.load().skims == ("hadronic_b0",)
    assert EventFilter.load("all_skims").skims == tuple(SKIMS)
    assert EventFilter.load("all_skims").card.event_types == SAMPLES


def test_other_names_are_files(tmp_path):
    assert filter_file("my.onnx") == Path("my.onnx")
    with pytest.raises(InputError, match=r"no_such\.onnx"):
        EventFilter.load("no_such.onnx")
    with pytest.raises(InputError, match=r"no filter hadronic; expected .* hadronic_b0, all_skims"):
        EventFilter.load("hadronic")


def test_the_hadronic_tag_is_ranked_as_its_card_says():
    events, numbers = some("mixed", 4000)
    label = run_skims(events, ["hadronic_b0"], seed=SEED, event_numbers=numbers)["hadronic_b0"]
    area = roc_auc_score(label, EventFilter.load().scores(events)[:, 0])
    (told,) = re.findall(r"% \| (0\.\d+) ±", (FOLDER / "hadronic_b0.md").read_text())
    assert area == pytest.approx(float(told), abs=0.05)  # 150 passing events: ± 0.012


def test_weights_bring_every_skim_of_every_sample_back():
    """Sums of weights over kept passing events against the number of passing ones, over all samples."""
    keep = EventFilter.load("all_skims")
    found = {skim: [0.0, 0.0, 0.0] for skim in keep.skims}
    for sample in SAMPLES:
        events, numbers = some(sample, 1500)
        labels = run_skims(events, list(keep.skims), seed=SEED, event_numbers=numbers)
        decision = keep.decide(events, FilterSettings(sample=sample), event_numbers=numbers)
        assert decision.strange.outside.mean() < 0.01
        for column, skim in enumerate(keep.skims):
            passing = labels[skim]
            p = decision.probabilities[passing, column]
            found[skim][0] += passing.sum()
            found[skim][1] += decision.weights[passing, column].sum()
            found[skim][2] += (1 / p - 1).sum()  # variance of the weighted sum
    for skim, (passing, weighted, variance) in found.items():
        assert abs(weighted - passing) < 4 * np.sqrt(variance) + 1e-9, skim
        assert passing > 3 or skim == "jpsi"


def test_telling_the_sample_never_hurts_much_and_keeps_fewer_events_than_all():
    keep = EventFilter.load("all_skims")
    for sample in ("mixed", "uubar"):
        events, numbers = some(sample, 1000)
        told = keep.decide(events, FilterSettings(sample=sample), event_numbers=numbers)
        untold = keep.decide(events, event_numbers=numbers)
        assert told.kept.mean() < 0.8
        assert np.abs(told.scores - untold.scores).mean() < 0.1


def test_continuum_is_out_of_the_depth_of_a_filter_for_mixed_events():
    events, numbers = some("ccbar", 200)
    decision = EventFilter.load().decide(events, event_numbers=numbers)
    assert decision.strange.outside.all()
    assert (decision.weights == 1).all()


@pytest.mark.parametrize("name", SHIPPED)
def test_fresh_events_are_within_the_depth_of_both_and_those_of_other_energies_are_not(name):
    keep = EventFilter.load(name)
    events, _ = some("mixed", 2000)
    assert keep.strange(events).outside.mean() < 2e-3
    # 60 MeV below the Υ(4S), and at the Υ(5S); beyond 50 MeV in the laboratory
    for factor in (10.52 / 10.58, 10.86 / 10.58):
        moved = {column: factor * events.particles[column] for column in ("px", "py", "pz", "energy")}
        strange = keep.strange(Events({**events.particles, **moved}, events.offsets))
        assert strange.reasons["another beam energy or momentum"] == len(events)


def test_the_command_works_without_a_model(tmp_path):
    (tmp_path / "events.hepmc").write_bytes(hepmc_text(some("mixed", 300)[0]))
    command = [sys.executable, "-c", "from hepsets.cli.main import main; main()", "filter", "events.hepmc"]
    done = subprocess.run(
        [*command, "--out", "kept.hepmc"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "of 300 events kept" in done.stderr
    assert b"hepsets_hadronic_b0" in (tmp_path / "kept.hepmc").read_bytes()


def test_an_unfinished_run_cannot_be_shipped(tmp_path):
    with pytest.raises(InputError, match="no finished run"):
        ship(tmp_path, tmp_path / "filters")
    (tmp_path / "result.json").write_text(json.dumps({"metrics": {}}))
    (tmp_path / "config.toml").write_text("")
    with pytest.raises(InputError, match="no model 'decay_sweep'"):
        ship(tmp_path, tmp_path / "filters")


def test_only_filters_of_the_package_can_be_shipped(tmp_path):
    with pytest.raises(InputError, match=r"no filter hadronic; expected some of hadronic_b0, all_skims"):
        ship(tmp_path, tmp_path / "filters", ["hadronic"])
    assert not (tmp_path / "filters").exists()

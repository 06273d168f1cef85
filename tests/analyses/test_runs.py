"""From settings to a configuration."""

from pathlib import Path

import pytest

from hepsets.analyses.contract import ANALYSES
from hepsets.analyses.runs import RunOptions, configure
from hepsets.core.errors import InputError


def test_studies_are_added_to_those_of_the_scale():
    continuum = ANALYSES["continuum-suppression"]
    plain = configure(continuum, RunOptions(scale="quick"))
    more = configure(continuum, RunOptions(scale="quick", studies=("disco", "importance")))
    assert plain.studies == ("shifted_detector", "importance")
    assert more.studies == ("shifted_detector", "importance", "disco")


def test_settings_stand_above_the_file_and_the_file_above_the_scale(tmp_path):
    smart = ANALYSES["smart-background"]
    path = tmp_path / "mine.toml"
    path.write_text('scale = "quick"\nseed = 5\n[fit]\nepochs = 2\n[data]\ntrials = 3\n')
    config = configure(smart, RunOptions(file=path, settings={"data": {"trials": 4}}))
    assert (config.scale, config.seed, config.fit.epochs, config.data.trials) == ("quick", 5, 2, 4)
    assert config.data.train_events == 3000
    assert configure(smart, RunOptions(file=path, seed=6)).seed == 6


def test_files_for_training_and_for_test_keep_their_parts():
    config = configure(ANALYSES["smart-background"], RunOptions(train=("a", "b"), test=("c",), seed=9))
    assert (config.data.train, config.data.test, config.seed) == (("a", "b"), ("c",), 9)
    with pytest.raises(InputError, match="--test-data for bs-dspi; expected no test files"):
        configure(ANALYSES["bs-dspi"], RunOptions(test=("c",)))
    found = configure(ANALYSES["continuum-suppression"], RunOptions(off_resonance=("d",)))
    assert found.data.off_resonance == ("d",)
    with pytest.raises(InputError, match="--off-resonance for z-flavour; expected no off-resonance files"):
        configure(ANALYSES["z-flavour"], RunOptions(off_resonance=("d",)))


def test_a_fault_is_told_with_the_place_it_is_in(tmp_path):
    smart = ANALYSES["smart-background"]
    path = tmp_path / "mine.toml"
    path.write_text("sed = 5\n")
    with pytest.raises(InputError, match=r"mine\.toml: unknown key 'sed'"):
        configure(smart, RunOptions(file=path))
    with pytest.raises(InputError, match=r"^configuration: unknown key 'sed'"):
        configure(smart, RunOptions(settings={"sed": 5}))
    with pytest.raises(InputError, match="--set scale; expected --scale"):
        configure(smart, RunOptions(settings={"scale": "full"}))


def test_a_trunk_goes_with_the_model_that_starts_from_it():
    analysis = ANALYSES.find("continuum-suppression")
    config = configure(analysis, RunOptions(scale="quick", trunk=Path("/t.safetensors"), tune="head"))
    assert (config.trunk, config.tune) == ("/t.safetensors", "head")
    assert config.models[-1] == "particle_encoder"
    assert "bdt" in config.models
    with pytest.raises(InputError, match="give --trunk"):
        configure(analysis, RunOptions(tune="head"))
    with pytest.raises(InputError, match="continuum-suppression, flavour-tagging, smart-background"):
        configure(ANALYSES.find("z-flavour"), RunOptions(trunk=Path("t.safetensors")))

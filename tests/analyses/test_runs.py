"""From settings to a configuration."""

import tomllib

import pytest
import torch

import hepsets as hs
from hepsets.analyses.contract import ANALYSES
from hepsets.analyses.runs import RunOptions, configure
from hepsets.core import config as configuration
from hepsets.core.errors import InputError
from hepsets.core.record import checksum_of_file
from hepsets.deploy.trunk_shipped import SHIPPED, trunk_checksum


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


def test_a_trunk_goes_with_the_model_that_starts_from_it(tmp_path):
    analysis, path = ANALYSES.find("continuum-suppression"), tmp_path / "t.safetensors"
    path.write_bytes(b"some trunk")
    config = configure(analysis, RunOptions(scale="quick", trunk=path, tune="head"))
    assert (config.trunk, config.tune) == (str(path), "head")
    assert config.trunk_sha256 == checksum_of_file(path)
    assert config.models[-1] == "particle_encoder"
    assert "bdt" in config.models
    with pytest.raises(InputError, match="give --trunk"):
        configure(analysis, RunOptions(tune="head"))
    with pytest.raises(InputError, match="continuum-suppression, flavour-tagging, smart-background"):
        configure(ANALYSES.find("z-flavour"), RunOptions(trunk=path))
    with pytest.raises(InputError, match=r"no trunk .*other"):
        configure(analysis, RunOptions(trunk=tmp_path / "other"))


def test_the_configuration_of_a_run_says_which_trunk_it_was(tmp_path):
    analysis, path = ANALYSES.find("flavour-tagging"), tmp_path / "t.safetensors"
    path.write_bytes(b"some trunk")
    written = configuration.to_toml(configure(analysis, RunOptions(trunk=path)))
    (tmp_path / "again.toml").write_text(written)
    assert configuration.to_toml(configure(analysis, RunOptions(file=tmp_path / "again.toml"))) == written
    path.write_bytes(b"another trunk")
    with pytest.raises(InputError, match="as trunk_sha256 says; take that file"):
        configure(analysis, RunOptions(file=tmp_path / "again.toml"))
    options = RunOptions(file=tmp_path / "again.toml", trunk=path)  # said anew, it holds
    assert configure(analysis, options).trunk_sha256 == checksum_of_file(path)
    assert configure(analysis, RunOptions(settings={"trunk": str(path)})).trunk_sha256


TINY = {
    "flavour-tagging": {
        "data": {"train_events": 200, "validation_events": 100, "test_events": 150},
        "models": ["particle_encoder"],
        "fit": {"epochs": 1},
        "learning_shares": [],
        "importance_repeats": 0,
    },
    "continuum-suppression": {
        "data": {
            "train_events": 200,
            "test_events": 200,
            "rho_rho_signal_events": 100,
            "shifted_events": 200,
        },
        "models": ["bdt"],
        "comparisons": ["shape_only"],
        "training_seeds": 1,
        "seed_models": [],
        "fit": {"epochs": 1},
        "trees": {"trees": 5},
        "studies": [],
        "trust_models": [],
    },
    "smart-background": {
        "data": {"train_events": 160, "test_events": 160, "trials": 2},
        "models": ["tree_encoder"],
        "training_seeds": 1,
        "fit": {"epochs": 1, "least_steps": 0},
        "studies": [],
        "limit": {"events": 60, "trials": 6, "further": 10},
    },
}


@pytest.mark.parametrize(
    "name", ["flavour-tagging", *(pytest.param(name, marks=pytest.mark.validate) for name in list(TINY)[1:])]
)
def test_an_analysis_starts_from_the_trunk_of_the_package_and_writes_down_which_it_was(name, tmp_path):
    pytest.importorskip("pythia8mc")
    done = hs.run(name, scale="quick", settings=TINY[name], out=tmp_path / "run", trunk=SHIPPED, tune="head")
    told = tomllib.loads((done.folder / "config.toml").read_text())
    assert (told["trunk"], told["tune"]) == (SHIPPED, "head")
    assert told["trunk_sha256"] == trunk_checksum(SHIPPED)
    model, trunk = ANALYSES.find(name).TRUNK_MODEL, hs.load_trunk().state_dict()
    (kept,) = (done.folder / "models").rglob(f"{model}*.safetensors")
    found = hs.load(kept).state_dict()
    alike = [torch.equal(found[f"network.{key}"], trunk[key]) for key in trunk if f"network.{key}" in found]
    assert len(alike) > 10
    assert all(alike)  # its head alone was trained
    assert model in (done.folder / "report.html").read_text()

"""What every analysis has, and that all are found."""

import dataclasses
from pkgutil import iter_modules
from types import SimpleNamespace
from typing import get_args, get_type_hints

import pytest
from pydantic.fields import FieldInfo

from hepsets.analyses.contract import ANALYSES, NEEDED, fault, names_of, that_can
from hepsets.analyses.runs import RunOptions, configure
from hepsets.core.config import from_mapping, to_toml
from hepsets.core.errors import InputError


def test_the_folders_are_the_analyses():
    assert list(ANALYSES.own) == [
        "bs-dspi",
        "c4-images",
        "continuum-suppression",
        "delta-c9",
        "flavour-tagging",
        "pretraining",
        "smart-background",
        "z-flavour",
    ]


@pytest.mark.parametrize("name", ANALYSES)
def test_an_analysis_keeps_the_contract(name):
    analysis = ANALYSES[name]
    assert analysis.name == name
    assert analysis.question.endswith("?")
    assert {"quick", "standard"} <= set(analysis.SCALES)
    assert set(NEEDED) - {"sections"} <= set(dir(analysis))


@pytest.mark.parametrize("name", ANALYSES.own)
def test_no_name_of_the_contract_is_that_of_a_file(name):
    """Importing the file would put the module in place of what the name stands for."""
    offered = {*NEEDED, "STUDIES", "MODELS", "print_summary", "tune", "infer", "InferConfig"}
    assert not offered & {module.name for module in iter_modules(ANALYSES[name].__path__)}


@pytest.mark.parametrize("name", ANALYSES)
def test_every_scale_is_a_configuration_and_comes_back_from_its_toml(name):
    analysis = ANALYSES[name]
    for scale in analysis.SCALES:
        config = configure(analysis, RunOptions(scale=scale, seed=7))
        assert (config.scale, config.seed) == (scale, 7)
        assert to_toml(config) == to_toml(from_mapping(analysis.Config, dataclasses.asdict(config)))


@pytest.mark.parametrize("name", ANALYSES)
def test_studies_and_models_that_are_listed_can_be_run(name):
    analysis = ANALYSES[name]
    if names_of(analysis, "studies"):
        studies = get_args(get_type_hints(analysis.Config)["studies"])[0]
        assert names_of(analysis, "studies") == get_args(studies)
    default = analysis.Config.__dataclass_fields__["models"].default
    assert names_of(analysis, "models") == (default.default if isinstance(default, FieldInfo) else default)


def test_what_can_be_tuned_and_inferred_is_known_from_what_the_analyses_give():
    assert "smart-background" in that_can("tune")
    assert that_can("infer") == ("delta-c9",)


def test_a_thing_that_is_no_analysis_is_told_what_it_lacks():
    assert fault(SimpleNamespace(name="a", question="?", Config=1, SCALES={}, Result=1, run=print)) == (
        "it lacks sections"
    )


def test_an_unknown_analysis_is_refused():
    with pytest.raises(InputError, match=r"no analysis 'delta-c8'.*did you mean 'delta-c9'"):
        ANALYSES.find("delta-c8")

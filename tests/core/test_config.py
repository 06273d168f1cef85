import dataclasses
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from hepsets.analyses.runs import ANALYSES
from hepsets.core import config as configuration
from hepsets.core.errors import InputError


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Inner:
    epochs: int = 10
    rate: float = 0.1


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Outer:
    name: str = "mixed"
    fit: Inner = Inner()
    models: tuple[str, ...] = ("a", "b")
    limit: float | None = None


@given(st.text(), st.integers(), st.floats(allow_nan=False), st.lists(st.text()))
def test_a_config_survives_toml(tmp_path_factory, name, epochs, rate, models):
    config = Outer(name=name, fit=Inner(epochs=epochs, rate=rate), models=tuple(models))
    path = tmp_path_factory.mktemp("config") / "config.toml"
    path.write_text(configuration.to_toml(config))
    again = configuration.from_mapping(Outer, configuration.read_toml(path))
    assert again == config
    assert configuration.sha256(again) == configuration.sha256(config)


def test_an_unknown_key_is_refused_with_the_nearest_known_one():
    with pytest.raises(InputError, match=r"unknown key 'fit.epoch'.*did you mean 'epochs'"):
        configuration.from_mapping(Outer, {"fit": {"epoch": 3}})
    with pytest.raises(InputError, match="unknown key 'model'"):
        configuration.from_mapping(Outer, {"model": []})


def test_a_value_of_the_wrong_type_is_named():
    with pytest.raises(InputError, match=r"fit.epochs = 'many'"):
        configuration.from_mapping(Outer, {"fit": {"epochs": "many"}})


def test_a_pair_of_which_one_number_is_missing_is_told_as_such():
    @dataclass(frozen=True)
    class Window:
        ends: tuple[float, float] = (0.0, 1.0)

    with pytest.raises(InputError, match=r"no value for ends\.1"):
        configuration.from_mapping(Window, {"ends": [5.3]})


def test_overrides_reach_nested_values():
    values = configuration.parse_overrides(["fit.epochs=3", "name=charged", "fit.rate = 0.5"])
    config = configuration.from_mapping(Outer, configuration.merge({"fit": {"epochs": 1}}, values))
    assert config == Outer(name="charged", fit=Inner(epochs=3, rate=0.5))


def test_an_override_without_a_value_is_refused():
    with pytest.raises(InputError, match="key=value"):
        configuration.parse_overrides(["fit.epochs"])


@pytest.mark.parametrize("content", [b"a = ", b"\xff\xfe"])
def test_a_file_that_is_not_toml_is_refused(tmp_path, content):
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(InputError):
        configuration.read_toml(path)


def test_a_path_that_is_not_utf8_is_refused_where_toml_must_hold_it():
    @dataclass
    class Data:
        path: str = "caf\udce9"

    with pytest.raises(InputError, match="not UTF-8"):
        configuration.to_toml(Data())


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Patient:
    epochs: int = 10
    rate: float = 0.1
    patience: int | None = None


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Nested:
    fit: Patient = Patient(epochs=20, rate=0.02, patience=5)
    made: Patient = Field(default_factory=lambda: Patient(rate=0.3))


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Deep:
    nested: Nested = Nested(made=Patient(epochs=7, patience=3))


def test_a_table_given_in_part_keeps_the_rest_of_its_own_default_not_of_its_class():
    config = configuration.from_mapping(Nested, {"fit": {"epochs": 3}, "made": {"epochs": 4}})
    assert config == Nested(Patient(3, 0.02, 5), Patient(4, 0.3, None))
    deep = configuration.from_mapping(Deep, {"nested": {"made": {"rate": 0.5}}})
    assert deep == Deep(Nested(made=Patient(7, 0.5, 3)))
    with pytest.raises(InputError, match=r"nested\.made\.rates"):
        configuration.from_mapping(Deep, {"nested": {"made": {"rates": 0.5}}})


@given(st.none() | st.integers(), st.none() | st.integers(), st.floats(allow_nan=False))
def test_taking_away_a_default_survives_toml_and_can_be_set(fit, made, rate):
    config = Deep(Nested(Patient(1, rate, fit), Patient(2, rate, made)))
    again = configuration.from_mapping(Deep, tomllib.loads(configuration.to_toml(config)))
    assert again == config
    values = configuration.parse_overrides(["nested.fit.patience=none"])
    assert configuration.from_mapping(Deep, values).nested.fit == Patient(20, 0.02, None)


@pytest.mark.parametrize("name", ANALYSES)
def test_every_analysis_keeps_its_own_defaults_when_one_of_a_table_is_set(name):
    analysis = ANALYSES.find(name)
    for scale, values in analysis.SCALES.items():
        whole = configuration.from_mapping(analysis.Config, {**values, "scale": scale})
        assert (
            configuration.from_mapping(analysis.Config, tomllib.loads(configuration.to_toml(whole))) == whole
        )
        for field in dataclasses.fields(whole):
            table = getattr(whole, field.name)
            if not dataclasses.is_dataclass(table):
                continue
            key = dataclasses.fields(table)[0].name
            given = configuration.to_mapping(table).get(key)
            if given is not None:
                set_again = configuration.merge({**values, "scale": scale}, {field.name: {key: given}})
                assert configuration.from_mapping(analysis.Config, set_again) == whole

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

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

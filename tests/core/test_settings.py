"""Settings as TOML with what they mean."""

import tomllib
from dataclasses import dataclass, field

import pytest

from hepsets.analyses.contract import ANALYSES
from hepsets.analyses.runs import RunOptions, configure
from hepsets.core.config import from_mapping
from hepsets.core.settings import described, meanings


@dataclass(frozen=True)
class Inner:
    """Inside.

    Parameters
    ----------
    low, high
        Where it begins
        and ends, see :class:`~hepsets.core.errors.InputError`.

    Raises
    ------
    Nothing
        At all.
    """

    low: float = 0.5
    high: float | None = None


@dataclass(frozen=True)
class Outer:
    """Outside.

    Parameters
    ----------
    inner
        What is ``inside``.
    names
        Some names.
    """

    inner: Inner = Inner()
    names: tuple[str, ...] = ("a", "b")
    of: dict[str, dict[str, int]] = field(default_factory=dict)


def test_each_setting_stands_below_what_it_means():
    assert meanings(Inner) == dict.fromkeys(("low", "high"), "Where it begins and ends, see InputError.")
    lines = described(Outer(of={"x": {"y": 1}})).splitlines()
    assert lines[:2] == ["# Some names.", 'names = ["a", "b"]']
    assert lines[lines.index("[inner]") - 1] == "# What is inside."
    assert lines[lines.index("low = 0.5") - 1] == "# Where it begins and ends, see InputError."
    assert "# high is not set" in lines
    assert tomllib.loads("\n".join(lines)) == {
        "names": ["a", "b"], "inner": {"low": 0.5}, "of": {"x": {"y": 1}},
    }  # fmt: skip


@pytest.mark.parametrize("name", ANALYSES.own)
def test_what_is_printed_makes_the_same_run_when_it_is_given_back(name):
    analysis = ANALYSES.find(name)
    for scale in analysis.SCALES:
        config = configure(analysis, RunOptions(scale=scale))
        text = described(config)
        assert from_mapping(analysis.Config, tomllib.loads(text)) == config

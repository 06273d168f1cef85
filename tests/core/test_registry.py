"""Things by name, of the package and of others."""

import math
import sys

import pytest

from hepsets.core.errors import InputError
from hepsets.core.registry import Registry

OWN = {"pi": math.pi, "e": "math:e"}


def add_package(folder, name, *points):
    """A package on the path that declares entry points, without anything being installed."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hepsets.numbers]\n" + "\n".join(points) + "\n")


@pytest.fixture
def numbers(tmp_path, monkeypatch):
    """A registry, and a folder on the path for packages that add to it."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    def fault(thing):
        return "" if isinstance(thing, float) else f"{type(thing).__name__} is no number"

    return Registry("hepsets.numbers", "number", OWN, fault), tmp_path


def test_names_of_the_package_come_first_then_those_of_others_sorted(numbers):
    registry, folder = numbers
    add_package(folder, "circles", "tau = math:tau", "inf = math:inf")
    assert list(registry) == ["pi", "e", "inf", "tau"]
    assert len(registry) == 4
    assert [registry.source(name) for name in ("pi", "tau")] == ["", "circles"]
    assert [registry[name] for name in ("pi", "e", "tau")] == [math.pi, math.e, math.tau]


def test_names_cost_no_import(numbers):
    registry, folder = numbers
    add_package(folder, "broken", "never = no_such_module:thing")
    assert "never" in registry
    assert list(registry) == ["pi", "e", "never"]


def test_an_unknown_name_is_refused_with_the_nearest_known_one(numbers):
    registry, _ = numbers
    with pytest.raises(InputError, match="no number 'pie'; expected one of pi, e; did you mean 'pi'"):
        registry.find("pie")
    assert registry.get("pie") is None
    assert "pie" not in registry


@pytest.mark.parametrize(
    ("point", "why"),
    [
        ("no_such_module:thing", "ModuleNotFoundError"),
        ("math:nothing", "AttributeError"),
        ("math:sin", "is no number"),
        ("leaves_at_once:thing", "SystemExit: 3"),
    ],
)
def test_what_another_package_cannot_give_is_refused_with_its_name(numbers, point, why):
    registry, folder = numbers
    (folder / "leaves_at_once.py").write_text("raise SystemExit(3)")
    add_package(folder, "broken", f"thing = {point}")
    with pytest.raises(InputError, match=f"number 'thing' of broken .*{why}"):
        registry.find("thing")


def test_two_packages_with_one_name_are_refused_where_it_is_asked_for(numbers):
    registry, folder = numbers
    add_package(folder, "first", "pi = math:tau", "tau = math:tau")
    add_package(folder, "second", "tau = math:pi")
    assert list(registry) == ["pi", "e", "tau"]
    assert registry["e"] == math.e
    with pytest.raises(InputError, match="number 'pi' of hepsets and first"):
        registry.find("pi")
    with pytest.raises(InputError, match=r"number 'tau' of (first and second|second and first)"):
        registry.find("tau")


def test_without_any_the_message_says_how_to_add_one():
    with pytest.raises(InputError, match=r"expected a package that adds one to hepsets\.nothing"):
        Registry("hepsets.nothing", "thing", {}).find("any")

"""A name stands for one model of a kind, whoever gives it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from types import SimpleNamespace

import pytest

from hepsets.core.errors import InputError
from hepsets.learn import registry
from hepsets.learn.registry import KINDS, recipe, recipes


@pytest.fixture
def added(monkeypatch):
    """Pretends that another package gives recipes by these names."""

    def add(**given):
        class Added(dict):
            def source(self, name):
                return "another-package"

            def find(self, name):
                return self[name]

        monkeypatch.setattr(registry, "ADDED", Added(given))
        registry._installed.cache_clear()

    yield add
    monkeypatch.undo()
    registry._installed.cache_clear()


@pytest.mark.parametrize("kind", KINDS)
def test_no_two_files_of_a_room_give_one_name(kind):
    names = Counter(
        each.name for module in registry._modules(kind) for each in getattr(module, "RECIPES", ())
    )
    assert [name for name, times in names.items() if times > 1] == []
    assert list(recipes(kind)) == list(names)
    assert all(each.kind == kind for each in recipes(kind).values())


def test_the_recipe_of_a_name_has_that_name_and_the_kind_that_was_asked_for():
    for kind in KINDS:
        for name, found in recipes(kind).items():
            assert recipe(kind, name) is found
            assert found.name == name
    with pytest.raises(InputError, match="no model 'deep_sets' of tables"):
        recipe("tables", "deep_sets")
    with pytest.raises(InputError, match="models of 'trees'"):
        recipe("trees", "deep_sets")


@pytest.mark.parametrize("taken", ["deep_sets", "DS_3_GCN_1"])
def test_a_model_of_another_package_stands_in_nobodys_place(added, taken):
    own = recipe("decay_trees", taken)
    added(**{taken: dataclasses.replace(own)})
    with pytest.raises(InputError, match=f"model '{taken}' of hepsets and another-package"):
        recipe("decay_trees", taken)


def test_a_model_under_another_name_than_its_own_is_refused_since_its_files_could_not_be_read(added):
    own = recipe("decay_trees", "deep_sets")
    added(mine=dataclasses.replace(own, name="yours"))
    with pytest.raises(InputError, match="model 'yours' under the name 'mine'"):
        recipe("decay_trees", "mine")


def test_one_name_may_be_a_model_of_each_kind(added):
    theirs = SimpleNamespace(name="deep_sets", kind="tables")
    added(deep_sets=theirs)
    assert recipe("tables", "deep_sets") is theirs
    assert recipe("decay_trees", "deep_sets") is not theirs


def test_a_registered_model_is_known_here_alone_and_takes_nobodys_place(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTERED", {})
    own = recipe("decay_trees", "deep_sets")
    registry.register(dataclasses.replace(own, name="mine"))
    assert recipe("decay_trees", "mine").name == list(recipes("decay_trees"))[-1] == "mine"
    assert registry.only_here("decay_trees", "mine")
    assert not registry.only_here("decay_trees", "deep_sets")
    assert not registry.only_here("particle_sets", "mine")
    with pytest.raises(InputError, match="a model 'deep_sets' of decay_trees is there already"):
        registry.register(own)

"""What the base installation leaves out is said in one line, and the extras are those of pyproject.toml."""

import re
import sys
import tomllib

import pytest
from helpers.house import ROOT

from hepsets.core.errors import InputError
from hepsets.core.extras import EXTRAS, absent, require, telling_extras

IMPORTED = {
    "scikit_learn": "sklearn",
    "imbalanced_learn": "imblearn",
    "xgboost_cpu": "xgboost",
}
"""What distributions are imported as, where their names differ."""


def libraries(extra, project):
    """What an extra of pyproject.toml brings, those of extras within it included."""
    found = set()
    for text in project["optional-dependencies"][extra]:
        name, within = re.match(r"([\w.-]+)(?:\[([\w,]+)\])?", text).groups()
        for inner in (within or "").split(",") if name == "hepsets" else ():
            found |= libraries(inner, project)
        plain = name.replace("-", "_")
        found |= {IMPORTED.get(plain, plain)} - {"hepsets"}
    return found


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_brings_what_it_is_said_to_bring(extra):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert libraries(extra, project) == set(EXTRAS[extra])


def test_the_extra_all_is_all_of_them():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert libraries("all", project) == {name for names in EXTRAS.values() for name in names}


def test_what_needs_an_extra_is_refused_in_one_line(monkeypatch):
    require("train", "a training")
    for name in ("torch", "xgboost", "optuna", "lightning"):
        monkeypatch.setitem(sys.modules, name, None)
    assert absent("train,farm") == ("torch", "lightning", "xgboost", "optuna")
    line = (
        r'a training without torch, lightning, xgboost and 1 more; expected the extra train; pip install "hep'
    )
    with pytest.raises(InputError, match=line):
        require("train", "a training")


def test_an_import_that_fails_names_the_extra_that_brings_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "dask", None)
    with (
        pytest.raises(InputError, match=r'a farm without dask; .*"hepsets\[farm\]"'),
        telling_extras("a farm"),
    ):
        import dask.array  # noqa: F401
    with pytest.raises(ModuleNotFoundError), telling_extras("nothing"):
        import no_such_library  # noqa: F401

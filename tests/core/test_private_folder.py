"""Libraries keep what they keep where the user may write, or in a private folder among temporary ones."""

import os
import tempfile
from pathlib import Path

import pytest

from hepsets.core.private_folder import house_matplotlib, private_folder


@pytest.fixture
def user(monkeypatch, tmp_path):
    """A user without a home, and with temporary files in a folder of their own."""
    (tmp_path / "file").touch()  # below it nobody can write, root included
    monkeypatch.setenv("HOME", str(tmp_path / "file" / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("MPLCONFIGDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, "")  # so that it is as before afterwards
    return tmp_path


def test_the_private_folder_is_the_users_alone(user):
    folder = private_folder()
    assert folder == user / f"hepsets-{os.getuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)  # anybody could put code there
    assert private_folder() is None


def test_there_is_none_where_nothing_temporary_can_be_made(user, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(user / "file"))
    assert private_folder() is None
    house_matplotlib()
    assert not os.environ["MPLCONFIGDIR"]


def test_matplotlib_gets_a_folder_that_lasts_where_the_home_cannot_be_written(user):
    house_matplotlib()
    assert Path(os.environ["MPLCONFIGDIR"]) == user / f"hepsets-{os.getuid()}" / "matplotlib"


def test_a_user_whose_home_nobody_knows_gets_one_too(user, monkeypatch):
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # what it does for a user without a name
    house_matplotlib()
    assert os.environ["MPLCONFIGDIR"].startswith(str(user))


@pytest.mark.parametrize(
    "named", [{"HOME": "new"}, {"MPLCONFIGDIR": "mine"}, {"XDG_CONFIG_HOME": "a", "XDG_CACHE_HOME": "b"}]
)
def test_who_has_a_place_or_names_one_keeps_it(user, monkeypatch, named):
    for name, folder in named.items():
        monkeypatch.setenv(name, str(user / folder))
    house_matplotlib()
    assert os.environ["MPLCONFIGDIR"] == (str(user / "mine") if "MPLCONFIGDIR" in named else "")

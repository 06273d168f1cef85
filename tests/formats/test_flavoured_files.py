import pytest

from hepsets.core.errors import InputError
from hepsets.formats.flavoured_files import flavour_of_name, flavoured_files, split_flavour


@pytest.mark.parametrize(
    ("name", "flavour"),
    [
        *(("Zbb.root", 5), ("zcc_2.parquet", 4), ("p8_ee_Zss_ecm91.root", 3), ("Zud.root", 1)),
        *(("bb.root", 5), ("uu.root", 1), ("ee_dd_test.root", 1), ("wzp6_ee_nunuH_Hbb_ecm240.root", 5)),
        *(("ccbar.root", 4), ("events.root", None), ("class.root", None), ("success.root", None)),
    ],
)
def test_names_say_flavours(tmp_path, name, flavour):
    assert flavour_of_name(tmp_path / "Zbb" / name) == flavour  # of the file alone, not of its folder


def test_what_is_said_comes_before_the_name(tmp_path):
    (found,) = flavoured_files(f"s={tmp_path}/Zbb.root:tree")
    assert (found.flavour, found.tree, found.path.name) == (3, "tree", "Zbb.root")


def test_patterns_may_follow_a_flavour(tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.root").touch()
    found = flavoured_files([f"ud={tmp_path}/*.root"])
    assert [(file.path.name, file.flavour) for file in found] == [("one.root", 1), ("two.root", 1)]


def test_a_file_whose_name_holds_the_sign_is_a_file(tmp_path):
    path = tmp_path / "x=1.root"
    path.touch()
    assert split_flavour(path) == (None, str(path))


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["x=a.root"], "flavour 'x'"),
        (["Zbb_Zcc.root"], "several flavours"),
        (["none-*.root"], "no file matches"),
        (["events.root"], "no flavour in the name"),
        ([], "no files"),
    ],
)
def test_what_says_no_flavour_or_two_is_refused(names, reason):
    with pytest.raises(InputError, match=reason):
        flavoured_files(names, needed=True)

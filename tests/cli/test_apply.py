"""`hepsets apply`: one file or several, and what is said where nothing can be done."""

import pytest
import uproot
from helpers.command import hepsets
from helpers.toy_z_events import z_events

from hepsets.formats.fcc_tree_writer import write_fcc_tree
from hepsets.learn.files import save
from hepsets.learn.vertexed_events.recipe import build_vertexed_model


@pytest.fixture
def apply(monkeypatch, capsys):
    def command(*arguments):
        return hepsets(monkeypatch, capsys, "apply", *arguments)

    return command


@pytest.fixture
def files(tmp_path):
    """Two files and a model."""
    for number, name in ((5, "Zbb"), (4, "Zcc")):
        write_fcc_tree(z_events(8, flavours=(number,)), tmp_path / f"{name}.root")
    model = build_vertexed_model("deep_sets", identification="truth", classes=("b", "c"), units=4)
    save(model, tmp_path / "model.safetensors")
    return tmp_path / "Zbb.root", tmp_path / "Zcc.root", tmp_path / "model.safetensors"


def test_one_file_becomes_one_and_several_a_folder_of_them(tmp_path, apply, files):
    first, second, model = files
    code, out, err = apply(model, f"{first}:events", "--out", tmp_path / "one.root")
    assert (code, out) == (0, "")
    assert "columns score_b, score_c" in err
    assert "8 events" in err
    folder = tmp_path / "scored"
    code, _, err = apply(model, first, second, "--out", folder)
    assert code == 2
    assert "existing folder" in err
    folder.mkdir()
    assert apply(model, first, second, "--out", folder, "--prefix", "mine")[0] == 0
    assert sorted(file.name for file in folder.iterdir()) == ["Zbb.root", "Zcc.root"]
    with uproot.open(folder / "Zcc.root") as file:
        assert {"mine_b", "mine_c", "Particle_px"} <= set(file["events"].keys())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("{model}", "{first}", "--out", "{first}"), "is also the input"),
        (("{model}", "{first}", "--out", "{tmp}/out.txt"), "ends in .root or .parquet"),
        (("{model}", "{first}", "--out", "{tmp}/out.parquet"), "same format"),
        (("{first}", "{first}", "--out", "{tmp}/out.root"), "no safetensors file"),
        (("{model}", "{tmp}/none.root", "--out", "{tmp}/out.root"), "none.root"),
        (("{model}", "{model}", "--out", "{tmp}/out.root"), "ROOT file"),
        (("{model}", "{first}", "--out", "/dev/null"), "--out /dev/null is a device"),
        (("{model}", "{first}", "--out", "/dev/full"), "--out /dev/full is a device"),
        (("{model}", "{first}", "--out", "{tmp}/out.root", "--prefix", "a b"), "prefix 'a b'"),
    ],
)
def test_what_cannot_be_scored_gives_one_line_and_leaves_no_file(tmp_path, apply, files, arguments, said):
    first, _, model = files
    before = sorted(tmp_path.iterdir())
    filled = [text.format(first=first, model=model, tmp=tmp_path) for text in arguments]
    code, out, err = apply(*filled)
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before


def test_one_file_that_cannot_be_scored_leaves_the_others_out_as_well(tmp_path, apply, files):
    first, second, model = files
    second.write_bytes(second.read_bytes()[:3000])
    folder = tmp_path / "scored"
    folder.mkdir()
    assert apply(model, first, second, "--out", folder)[0] == 2
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("several", [False, True])
def test_the_folder_of_the_inputs_is_no_place_for_files_of_their_names(tmp_path, apply, files, several):
    first, second, model = files
    before = {file: file.read_bytes() for file in (first, second, model)}
    inputs = (first, second) if several else (first,)
    code, out, err = apply(model, *inputs, "--out", tmp_path)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "is also the input" in err
    assert {file: file.read_bytes() for file in before} == before


def test_the_model_that_nobody_named_is_told(tmp_path, apply, files):
    first, _, model = files
    models = tmp_path / "run" / "models" / "seeded"
    models.mkdir(parents=True)
    model.rename(models / "deep_sets.safetensors")
    code, _, err = apply(tmp_path / "run", first, "--out", tmp_path / "one.root")
    assert code == 0
    assert f"no --name: the model is {models / 'deep_sets.safetensors'}" in err
    named = ("--name", "seeded/deep_sets", "--out", tmp_path / "two.root")
    assert "no --name" not in apply(tmp_path / "run", first, *named)[2]

"""`hepsets tag` is `hepsets apply` with the model as an option."""

from helpers.command import hepsets
from helpers.toy_z_events import z_events

from hepsets.formats.fcc_tree_writer import write_fcc_tree
from hepsets.learn.files import save
from hepsets.learn.vertexed_events.recipe import build_vertexed_model


def test_a_tag_is_the_score_that_apply_gives(tmp_path, monkeypatch, capsys):
    import uproot

    write_fcc_tree(z_events(8, flavours=(5,)), tmp_path / "Zbb.root")
    model = tmp_path / "model.safetensors"
    save(build_vertexed_model("deep_sets", identification="truth", classes=("b", "c"), units=4), model)
    scores = []
    for arguments in (
        ("tag", tmp_path / "Zbb.root", "--model", model, "--out", tmp_path / "tagged.root"),
        ("apply", model, tmp_path / "Zbb.root", "--out", tmp_path / "applied.root"),
    ):
        assert hepsets(monkeypatch, capsys, *arguments)[0] == 0
        with uproot.open(arguments[-1]) as file:
            scores.append(file["events"]["score_b"].array(library="np"))
    assert (scores[0] == scores[1]).all()
    code, _, err = hepsets(
        monkeypatch, capsys, "tag", tmp_path / "Zbb.root", "--model", model, "--out", tmp_path / "Zbb.root"
    )
    assert code == 2
    assert "is also the input" in err

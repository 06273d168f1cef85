import json

import awkward as ak
import numpy as np
import pyarrow.parquet as pq
import pytest
import uproot
from helpers.toy_z_events import z_events

from hepsets.core.errors import InputError
from hepsets.deploy.flavour_tags import find_tagger, tag_file
from hepsets.deploy.onnx.vertexed_events import export_vertexed_onnx
from hepsets.formats.fcc_tree import read_fcc_trees
from hepsets.formats.fcc_tree_writer import write_fcc_tree
from hepsets.learn.files import save
from hepsets.learn.training.score import score_heads
from hepsets.learn.vertexed_events.recipe import build_vertexed_model
from hepsets.represent.vertexed_events.hemispheres import hemispheres

CLASSES = ("b", "c", "s")


def events(number=60, seed=1):
    return z_events(number, seed=seed, flavours=(5, 4, 3))


def a_model(identification="truth", **options):
    model = build_vertexed_model(
        "deep_sets", identification=identification, classes=CLASSES, units=6, **options
    )
    data = model.prepare(
        events(200, seed=2) if options.get("level") != "hemisphere" else hemispheres(events(200, 2))
    )
    model.fit_inputs(next(iter(data.batches(400))))
    return model


@pytest.fixture(params=[".root", ".parquet"])
def user_file(tmp_path, request):
    path = tmp_path / f"Zbb{request.param}"
    write_fcc_tree(events(), path)
    return path


@pytest.fixture
def tagger(tmp_path):
    path = tmp_path / "deep_sets.safetensors"
    save(a_model(), path)
    return find_tagger(path)


def column(path, name):
    if path.suffix == ".parquet":
        return np.array(pq.read_table(path, columns=[name])[name].to_pylist())
    with uproot.open(path) as file:
        return file["events"][name].array(library="np")


def test_the_scores_are_those_of_the_events_of_the_file(tmp_path, user_file, tagger):
    before = user_file.read_bytes()
    out = tmp_path / f"tagged{user_file.suffix}"
    done = tag_file(tagger, user_file, out)
    assert user_file.read_bytes() == before
    assert done.columns == ("score_b", "score_c", "score_s")
    assert done.counts.events == 60
    expected = score_heads(tagger.model, read_fcc_trees(user_file).events)
    for place, name in enumerate(done.columns):
        assert column(out, name) == pytest.approx(expected[:, place], abs=1e-6)
    again = read_fcc_trees(out).events
    old = read_fcc_trees(user_file).events
    for name, values in old.particles.particles.items():
        assert np.array_equal(again.particles.particles[name], values), name


def test_hemispheres_have_two_numbers_and_a_charge(tmp_path, user_file):
    path = tmp_path / "hemispheres.safetensors"
    save(a_model(level="hemisphere", charge=True), path)
    tagger = find_tagger(path)
    out = tmp_path / f"tagged{user_file.suffix}"
    done = tag_file(tagger, user_file, out, prefix="tag")
    assert done.columns == ("tag_b", "tag_c", "tag_s", "tag_charge")
    expected = score_heads(tagger.model, hemispheres(read_fcc_trees(user_file).events))
    assert column(out, "tag_charge") == pytest.approx(expected[:, 3].reshape(-1, 2), abs=1e-6)


def test_an_exported_tagger_gives_the_same_columns(tmp_path, user_file, tagger):
    exported = tmp_path / "deep_sets.onnx"
    export_vertexed_onnx(tagger.model, exported)
    for name, one in (("a", tagger), ("b", find_tagger(exported))):
        tag_file(one, user_file, tmp_path / f"{name}{user_file.suffix}")
    a, b = (column(tmp_path / f"{name}{user_file.suffix}", "score_b") for name in "ab")
    assert a == pytest.approx(b, abs=1e-5)


def test_a_note_says_which_tagger_it_was(tmp_path, tagger):
    path, out = tmp_path / "Zbb.root", tmp_path / "tagged.root"
    write_fcc_tree(events(), path)
    tag_file(tagger, path, out)
    with uproot.open(out) as file:
        note = json.loads(str(file["score_b_note"]))
    assert note["tagger"] == "deep_sets.safetensors"
    assert note["outputs"] == list(CLASSES)


def test_a_tagged_file_is_tagged_again_only_with_another_prefix(tmp_path, user_file, tagger):
    first, second = (tmp_path / f"{name}{user_file.suffix}" for name in ("first", "second"))
    tag_file(tagger, user_file, first)
    with pytest.raises(InputError, match="another prefix"):
        tag_file(tagger, first, second)
    assert not second.exists()
    tag_file(tagger, first, second, prefix="again")
    assert np.array_equal(column(second, "again_b"), column(second, "score_b"))


def test_a_tagger_that_counts_clusters_refuses_files_without(tmp_path):
    path = tmp_path / "model.safetensors"
    save(a_model("dndx+tof"), path)
    file = tmp_path / "Zbb.root"
    write_fcc_tree(events(400), file)
    with pytest.raises(InputError, match="does not tell has_clusters"):
        tag_file(find_tagger(path), file, tmp_path / "out.root")
    assert not (tmp_path / "out.root").exists()


def test_a_run_with_several_models_asks_which(tmp_path):
    models = tmp_path / "run" / "models"
    models.mkdir(parents=True)
    with pytest.raises(InputError, match="folder of a finished run"):
        find_tagger(tmp_path / "run")
    save(a_model(), models / "one.safetensors")
    assert find_tagger(tmp_path / "run").path.stem == "one"
    (models / "found").mkdir()
    save(a_model(), models / "found" / "two.safetensors")
    with pytest.raises(InputError, match="one of found/two, one; name it with --name"):
        find_tagger(tmp_path / "run")
    assert find_tagger(tmp_path / "run", "found/two").path.stem == "two"
    (models / "seeded").mkdir()
    save(a_model(), models / "seeded" / "vertex_graph.safetensors")
    assert find_tagger(tmp_path / "run").path.stem == "vertex_graph"
    with pytest.raises(InputError, match="single file"):
        find_tagger(models / "one.safetensors", "one")


def test_another_format_is_not_written(tmp_path, user_file, tagger):
    other = {".root": ".parquet", ".parquet": ".root"}[user_file.suffix]
    with pytest.raises(InputError, match="same format"):
        tag_file(tagger, user_file, tmp_path / f"out{other}")


def test_events_stay_in_their_order_in_files_of_many_pieces(tmp_path, tagger, monkeypatch):
    monkeypatch.setattr("hepsets.formats.event_lists.BATCH_EVENTS", 7)
    path, out = tmp_path / "Zbb.parquet", tmp_path / "out.parquet"
    write_fcc_tree(events(), path)
    tag_file(tagger, path, out)
    expected = score_heads(tagger.model, read_fcc_trees(path).events)
    assert column(out, "score_b") == pytest.approx(expected[:, 0], abs=1e-6)
    assert ak.num(ak.from_parquet(out)["Particle_px"], axis=0) == 60

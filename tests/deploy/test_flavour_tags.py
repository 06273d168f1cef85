import json

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot
from helpers.fcc_files import odd_columns, write_columns
from helpers.toy_z_events import z_events

from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets, write_particle_sets
from hepsets.core.vertexed_events import VertexedEvents, write_vertexed_events
from hepsets.deploy.apply import apply_file
from hepsets.deploy.onnx.vertexed_events import export_vertexed_onnx
from hepsets.deploy.scorers import find_scorer
from hepsets.formats.fcc_tree import read_fcc_trees
from hepsets.formats.fcc_tree_writer import write_fcc_tree
from hepsets.learn.files import save
from hepsets.learn.tables.class_trees import ClassTreesConfig, Labelled, fit_class_trees
from hepsets.learn.training.score import score_heads
from hepsets.learn.vertexed_events.recipe import build_vertexed_model
from hepsets.represent.vertexed_events.data import VertexedData
from hepsets.represent.vertexed_events.hemispheres import hemispheres
from hepsets.represent.vertexed_events.inputs import proper_inputs
from hepsets.represent.vertexed_events.table import tree_table

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


def some_trees(identification="truth", level="event", **made_of):
    known = {"level": level, "identification": identification} | made_of
    parts = []
    for seed in (2, 3):
        seen = hemispheres(events(400, seed)) if level == "hemisphere" else events(400, seed)
        table = tree_table(VertexedData.from_events(seen, proper_inputs(identification)))
        classes = np.searchsorted((3, 4, 5), seen.columns["flavour"])
        parts.append(Labelled(table, 2 - classes))
    variables = list(parts[0].events.columns)
    return fit_class_trees(*parts, variables, CLASSES, ClassTreesConfig(trees=8), made_of=known)[0]


def saved_trees(tmp_path, **options):
    path = tmp_path / "boosted_trees.safetensors"
    save(some_trees(**options), path)
    return path


@pytest.fixture(params=[".root", ".parquet"])
def user_file(tmp_path, request):
    path = tmp_path / f"Zbb{request.param}"
    write_fcc_tree(events(), path)
    return path


@pytest.fixture
def tagger(tmp_path):
    path = tmp_path / "deep_sets.safetensors"
    save(a_model(), path)
    return find_scorer(path)


def column(path, name):
    if path.suffix == ".parquet":
        return np.array(pq.read_table(path, columns=[name])[name].to_pylist())
    with uproot.open(path) as file:
        return file["events"][name].array(library="np")


def test_the_scores_are_those_of_the_events_of_the_file(tmp_path, user_file, tagger):
    before = user_file.read_bytes()
    out = tmp_path / f"tagged{user_file.suffix}"
    done = apply_file(tagger, user_file, out)
    assert user_file.read_bytes() == before
    assert done.columns == ("score_b", "score_c", "score_s")
    assert any("60 events" in line for line in done.lines())
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
    tagger = find_scorer(path)
    out = tmp_path / f"tagged{user_file.suffix}"
    done = apply_file(tagger, user_file, out, prefix="tag")
    assert done.columns == ("tag_b", "tag_c", "tag_s", "tag_charge")
    expected = score_heads(tagger.model, hemispheres(read_fcc_trees(user_file).events))
    assert column(out, "tag_charge") == pytest.approx(expected[:, 3].reshape(-1, 2), abs=1e-6)


def test_an_exported_tagger_gives_the_same_columns(tmp_path, user_file, tagger):
    exported = tmp_path / "deep_sets.onnx"
    export_vertexed_onnx(tagger.model, exported)
    for name, one in (("a", tagger), ("b", find_scorer(exported))):
        apply_file(one, user_file, tmp_path / f"{name}{user_file.suffix}")
    a, b = (column(tmp_path / f"{name}{user_file.suffix}", "score_b") for name in "ab")
    assert a == pytest.approx(b, abs=1e-5)


def with_more_in_it(path):
    """A user's file with columns, metadata and objects of their own."""
    mine = np.arange(60) * 0.5
    if path.suffix == ".parquet":
        table = pq.read_table(path).append_column("mine", pa.array(mine))
        table = table.replace_schema_metadata({b"who": b"me"})
        pq.write_table(table, path, row_group_size=25)
        return
    with uproot.update(path) as file:
        file.mktree("other", {"x": "int64"})
        file["other"].extend({"x": np.arange(5)})
        file["histogram"] = np.histogram(mine, 4)


def contents(path):
    """All that a file holds, by name, as plain values."""
    if path.suffix == ".parquet":
        file = pq.ParquetFile(path)
        groups = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
        table = file.read()
        return {name: table[name].to_pylist() for name in table.column_names} | {
            "row groups": groups, "who": table.schema.metadata[b"who"],
        }  # fmt: skip
    found = {}
    with uproot.open(path) as file:
        for name, kind in file.classnames(cycle=False).items():
            if kind == "TTree":
                arrays = file[name].arrays()
                found |= {f"{name}.{branch}": arrays[branch].to_list() for branch in arrays.fields}
            elif not name.endswith("note"):
                found[name] = [part.tolist() for part in file[name].to_numpy()]
    return found


def test_trees_tag_files_and_touch_nothing_else_in_them(tmp_path, user_file):
    with_more_in_it(user_file)
    before, kept = user_file.read_bytes(), contents(user_file)
    tagger = find_scorer(saved_trees(tmp_path))
    out = tmp_path / f"tagged{user_file.suffix}"
    done = apply_file(tagger, user_file, out)
    assert user_file.read_bytes() == before
    assert done.columns == ("score_b", "score_c", "score_s")
    read = read_fcc_trees(user_file).events
    table = tree_table(VertexedData.from_events(read, proper_inputs("truth")))
    expected = some_trees().probabilities(table)
    for place, name in enumerate(done.columns):
        assert column(out, name) == pytest.approx(expected[:, place], abs=1e-6)
    new = contents(out)
    added = {name for name in new if name.split(".")[-1] in done.columns}
    assert len(added) == 3
    same = {name: repr(value) for name, value in new.items() if name not in added}  # NaN is NaN
    assert same == {name: repr(value) for name, value in kept.items()}


def test_trees_of_hemispheres_have_two_numbers(tmp_path, user_file):
    tagger = find_scorer(saved_trees(tmp_path, level="hemisphere"))
    out = tmp_path / f"tagged{user_file.suffix}"
    apply_file(tagger, user_file, out)
    expected = tagger.model.score(hemispheres(read_fcc_trees(user_file).events))
    assert column(out, "score_c") == pytest.approx(expected[:, 1].reshape(-1, 2), abs=1e-6)


def test_trees_that_count_clusters_refuse_files_without(tmp_path):
    file = tmp_path / "Zbb.root"
    write_fcc_tree(events(400), file)
    tagger = find_scorer(saved_trees(tmp_path, identification="dndx+tof"))
    with pytest.raises(InputError, match="does not tell sum_"):
        apply_file(tagger, file, tmp_path / "out.root")


def test_trees_that_do_not_say_what_they_saw_are_refused(tmp_path):
    with pytest.raises(InputError, match="do not say what they were grown on"):
        find_scorer(saved_trees(tmp_path, level="", identification="truth"))


def test_a_note_says_which_tagger_it_was(tmp_path, tagger):
    path, out = tmp_path / "Zbb.root", tmp_path / "tagged.root"
    write_fcc_tree(events(), path)
    apply_file(tagger, path, out)
    with uproot.open(out) as file:
        note = json.loads(str(file["score_b_note"]))
    assert note["tagger"] == "deep_sets.safetensors"
    assert note["outputs"] == list(CLASSES)


def test_a_tagged_file_is_tagged_again_only_with_another_prefix(tmp_path, user_file, tagger):
    first, second = (tmp_path / f"{name}{user_file.suffix}" for name in ("first", "second"))
    apply_file(tagger, user_file, first)
    with pytest.raises(InputError, match="another prefix"):
        apply_file(tagger, first, second)
    assert not second.exists()
    apply_file(tagger, first, second, prefix="again")
    assert np.array_equal(column(second, "again_b"), column(second, "score_b"))


def test_a_tagger_that_counts_clusters_refuses_files_without(tmp_path):
    path = tmp_path / "model.safetensors"
    save(a_model("dndx+tof"), path)
    file = tmp_path / "Zbb.root"
    write_fcc_tree(events(400), file)
    with pytest.raises(InputError, match="does not tell has_clusters"):
        apply_file(find_scorer(path), file, tmp_path / "out.root")
    assert not (tmp_path / "out.root").exists()


def test_another_format_is_not_written(tmp_path, user_file, tagger):
    other = {".root": ".parquet", ".parquet": ".root"}[user_file.suffix]
    with pytest.raises(InputError, match="same format"):
        apply_file(tagger, user_file, tmp_path / f"out{other}")


def test_events_stay_in_their_order_in_files_of_many_pieces(tmp_path, tagger, monkeypatch):
    monkeypatch.setattr("hepsets.formats.event_lists.BATCH_EVENTS", 7)
    path, out = tmp_path / "Zbb.parquet", tmp_path / "out.parquet"
    write_fcc_tree(events(), path)
    apply_file(tagger, path, out)
    expected = score_heads(tagger.model, read_fcc_trees(path).events)
    assert column(out, "score_b") == pytest.approx(expected[:, 0], abs=1e-6)
    assert ak.num(ak.from_parquet(out)["Particle_px"], axis=0) == 60


def with_k_short(number, seed=1):
    """Events in which a vertex in five is a K_S."""
    found = events(number, seed)
    kind = found.vertices.particles["kind"].copy()
    kind[(np.arange(len(kind)) % 5 == 1) & (kind == 1)] = 2
    return VertexedEvents(
        found.particles, ParticleSets({**found.vertices.particles, "kind": kind}, found.vertices.offsets)
    )


def test_files_without_v0s_are_tagged_and_what_they_do_not_tell_is_said(tmp_path):
    model = build_vertexed_model("deep_sets", identification="truth", classes=CLASSES, units=6)
    model.fit_inputs(next(iter(model.prepare(with_k_short(300)).batches(400))))
    save(model, tmp_path / "model.safetensors")
    write_fcc_tree(with_k_short(300), tmp_path / "Zbb.root")
    done = apply_file(find_scorer(tmp_path / "model.safetensors"), tmp_path / "Zbb.root", tmp_path / "o.root")
    (line,) = (line for line in done.lines() if "does not tell" in line)
    assert "vertex_k_short" in line
    assert line.endswith("taken as unknown; the tagger was trained with them")


def test_our_own_events_with_found_vertices_are_tagged_and_keep_all_they_had(tmp_path):
    path, out = tmp_path / "mine.parquet", tmp_path / "tagged.parquet"
    mine = events(60)
    write_vertexed_events(iter([mine[:25], mine[25:50], mine[50:]]), path, metadata={"who": "me"})
    save(a_model("dndx+tof"), tmp_path / "model.safetensors")
    tagger = find_scorer(tmp_path / "model.safetensors")
    done = apply_file(tagger, path, out)
    assert not any("does not tell" in line for line in done.lines())
    assert column(out, "score_b") == pytest.approx(score_heads(tagger.model, mine)[:, 0], abs=1e-6)
    new, old = contents(out), contents(path)
    assert {name: repr(new[name]) for name in old} == {name: repr(value) for name, value in old.items()}


def test_events_without_vertices_of_a_detector_say_how_to_find_them(tmp_path, tagger):
    write_particle_sets(events(60).particles, tmp_path / "seen.parquet")
    with pytest.raises(InputError, match=r"particles without vertices.*vertices=.found."):
        apply_file(tagger, tmp_path / "seen.parquet", tmp_path / "out.parquet")


@pytest.mark.filterwarnings("error")
def test_events_none_of_which_has_a_vertex_and_numbers_that_no_float_holds_are_tagged(tmp_path, tagger):
    columns = odd_columns()
    for name in [name for name in columns if name.startswith("Vertex")]:
        columns[name] = columns[name][:, :0]
    for name in ("Particle_px", "Particle_e"):
        flat = ak.to_numpy(ak.flatten(columns[name])).copy()
        flat[0] = 1e300
        columns[name] = ak.unflatten(flat, ak.num(columns[name]))
    columns["Thrust_yerr"] = np.array([1.0, 1e300, 1.0, 1.0])
    write_columns(tmp_path / "Zbb.root", columns)
    done = apply_file(tagger, tmp_path / "Zbb.root", tmp_path / "out.root")
    assert any("events without a vertex" in line for line in done.lines())
    assert np.isfinite(column(tmp_path / "out.root", "score_b")).all()

"""Features in files."""

import numpy as np
import pytest
import torch
from helpers.toy_z_events import z_events

from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose
from hepsets.represent.vertexed_events import feature_files
from hepsets.represent.vertexed_events.data import VertexedData, halved
from hepsets.represent.vertexed_events.feature_files import FeatureFiles, read_features, write_features
from hepsets.represent.vertexed_events.inputs import InputSpec, proper_inputs

SPEC = proper_inputs("dndx+tof", structure=True)
SOME = InputSpec(("side", "charge", "log_momentum"), ("vertex_mass",), ("log_tracks",))
CHOSEN = (np.array([1, 3]), np.array([], dtype=np.int64), np.array([0, 4]))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Three files, the events CHOSEN of them, and the same in memory."""
    folder, some = tmp_path_factory.mktemp("features"), z_events(15, seed=7)
    paths = [folder / name for name in "abc"]
    parts = [halved(VertexedData.from_events(part, SPEC)) for part in (some[:5], some[5:10], some[10:])]
    for path, part in zip(paths, parts, strict=True):
        write_features(part, path)
    whole = VertexedData.joined(parts).select(torch.tensor([1, 3, 10, 14]))
    return FeatureFiles.of(paths, CHOSEN), whole


def same(one, other):
    pairs = zip(one.tensors(), other.tensors(), strict=True)
    return one.spec == other.spec and all(a.dtype == b.dtype and torch.equal(a, b) for a, b in pairs)


def same_batch(one, other):
    parts = ("particles.features", "particles.offsets", "vertices.features", "vertices.offsets", "vertex")
    return all(
        torch.equal(*(torch.as_tensor(_at(batch, name)) for batch in (one, other)))
        for name in (*parts, "event_features")
    )


def _at(batch, name):
    for part in name.split("."):
        batch = getattr(batch, part)
    return batch


def test_files_hold_what_was_written(tmp_path):
    data = halved(VertexedData.from_events(z_events(5, seed=3), SPEC))
    write_features(data, tmp_path / "features")
    assert same(read_features(tmp_path / "features"), data)
    write_features(data[:0], tmp_path / "none")
    assert same(read_features(tmp_path / "none"), data[:0])


def test_events_in_files_are_those_in_memory(written):
    files, memory = written
    assert len(files) == len(memory) == 4
    assert same(files[:], memory)
    assert same(files[np.array([2, 0, 0])], memory[np.array([2, 0, 0])])
    assert same(files[:0], memory[:0])
    assert same(files.seeing(SOME)[1:], memory.seeing(SOME)[1:])
    by_charge = ("charge", "log_momentum")
    assert same(files.seeing(SOME).sorted_by(by_charge)[:], memory.seeing(SOME).sorted_by(by_charge))
    assert files.to("cpu") is files


@pytest.mark.parametrize("together", [1, 3, 100])
def test_batches_are_those_of_memory_however_many_events_are_read_together(written, monkeypatch, together):
    monkeypatch.setattr(feature_files, "READ_TOGETHER", together)
    files, memory = written
    choices = [torch.tensor(one) for one in ([3, 0], [2, 2, 1], [0])]
    for one, choice in zip(files.in_turn(choices), choices, strict=True):
        assert same_batch(one, memory.batch(choice))
        assert same_batch(files.batch(choice), memory.batch(choice))
    for one, other in zip(files.batches(3), memory.batches(3), strict=True):
        assert same_batch(one, other)
    assert same(VertexedData.joined(list(files.pieces())), memory)
    assert (
        list(files.in_turn([]))
        == list(FeatureFiles.of(files.paths, [one[:0] for one in CHOSEN]).batches(2))
        == []
    )


def test_a_feature_that_no_file_holds_is_refused(written):
    with pytest.raises(InputError, match="truth_kaon"):
        written[0].seeing(proper_inputs("truth"))


def test_events_in_files_serve_one_purpose(written):
    for_test = written[0].used_for(Purpose.TEST)
    choices = (
        for_test,
        for_test[1:],
        for_test.seeing(SOME),
        for_test.sorted_by(("charge",)),
        *for_test.pieces(),
    )
    assert {one.purpose for one in choices} == {Purpose.TEST}
    with pytest.raises(InputError, match="test events where training events are needed"):
        for_test.used_for(Purpose.TRAINING)

import numpy as np
import onnx
import pytest
from helpers.small_filter import beam_events, small_filter

from hepsets.core.errors import InputError
from hepsets.deploy.filter.event_filter import EventFilter
from hepsets.deploy.filter.shipped import SHIPPED, filter_file
from hepsets.deploy.onnx.seal import check_seal, seal


def test_an_exported_file_is_sealed_and_other_tools_see_one_more_property():
    content = small_filter().read_bytes()
    assert seal(content) == content
    model = onnx.load(small_filter())
    assert [entry.key for entry in model.metadata_props].count("hepsets.sha256") == 1


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_filters_are_sealed(name):
    content = filter_file(name).read_bytes()
    assert seal(content) == content
    check_seal(content, name)


def test_a_flipped_bit_is_refused_or_changes_nothing(tmp_path):
    content, events = small_filter().read_bytes(), beam_events(5)
    scores = EventFilter.load(small_filter()).scores(events)
    path = tmp_path / "flip.onnx"
    refused = 0
    rng = np.random.default_rng(13)
    bits = [
        *rng.integers(0, 8 * len(content), 60),
        *rng.integers(8 * (len(content) - 90), 8 * len(content), 40),
    ]
    for bit in bits:
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(changed))
        try:
            found = EventFilter.load(path).scores(events)
        except InputError:
            refused += 1
        else:
            assert np.array_equal(found, scores)
    assert refused > 80


def test_a_file_without_seal_is_read_and_an_edited_one_refused(tmp_path):
    content = small_filter().read_bytes()
    check_seal(content[:-84], "old")
    with pytest.raises(InputError, match=r"edited.onnx is damaged or was edited"):
        check_seal(b"\x08" + content, "edited.onnx")

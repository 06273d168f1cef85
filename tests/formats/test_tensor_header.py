"""What a file of tensors says of itself is read without PyTorch; nothing else is taken for one."""

import json

import pytest
from helpers.toy_corpus import toy_events, toy_trunk

from hepsets.formats.tensor_header import TRUNK, tensor_header


def test_a_trunk_says_what_it_is(tmp_path):
    trunk = toy_trunk(toy_events(20)[1])
    trunk.save(tmp_path / "t.safetensors", weights=5)
    found = tensor_header(tmp_path / "t.safetensors")
    assert found["format"] == TRUNK
    assert found["config"]["units"] == trunk.config.units
    assert found["card"] == {"weights": 5}


@pytest.mark.parametrize(
    "head",
    [b"{}", b"[1]", b"{", json.dumps({"__metadata__": {"hepsets": "[]"}}).encode(), b'{"__metadata__": {}}'],
)
def test_other_files_are_none(tmp_path, head):
    path = tmp_path / "t.safetensors"
    path.write_bytes(len(head).to_bytes(8, "little") + head)
    assert tensor_header(path) is None
    path.write_bytes(head)
    assert tensor_header(path) is None
    path.write_bytes(b"")
    assert tensor_header(path) is None

"""JSON that is nested more deeply than the reader can follow, in the header of a model, and in cards."""

import json

import pytest
import torch
from safetensors.torch import save_file

from hepsets.core.config import read_toml
from hepsets.core.errors import InputError
from hepsets.core.pdg import PdgMap
from hepsets.deploy.filter.card import load_card
from hepsets.learn.files import load

DEEP = "[" * 100_000


def test_it_is_refused_wherever_json_or_toml_is_read(case):
    for header in (DEEP, json.dumps({"format": "hepsets-model-2"})[:-1] + f', "config": {DEEP}'):
        save_file({"weight": torch.zeros(2)}, "m.safetensors", metadata={"hepsets": header})
        with pytest.raises(InputError, match=r"m\.safetensors"):
            load("m.safetensors")
    for name, text, read in (
        ("deep.card.json", DEEP, load_card),
        ("trees.json", DEEP, load),
        ("map.json", DEEP, PdgMap.from_json),
        ("deep.toml", f"x = {DEEP}", read_toml),
    ):
        (case.folder / name).write_text(text)
        with pytest.raises(InputError, match=name):
            read(name)

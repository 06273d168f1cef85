"""Blocks of events: exact numbers, reproducibility, errors."""

import builtins
import sys

import numpy as np
import pytest

from hepsets.core.config import from_mapping
from hepsets.core.errors import InputError
from hepsets.core.events import PARTICLE_COLUMNS, Events
from hepsets.generate import pythia
from hepsets.generate.blocks import BLOCK_EVENTS
from hepsets.generate.pythia import SAMPLES, GenerateConfig, generate, generate_block


def identical(left, right):
    return np.array_equal(left.offsets, right.offsets) and all(
        np.array_equal(left.particles[name], right.particles[name]) for name in PARTICLE_COLUMNS
    )


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_block_does_not_depend_on_what_was_generated_before(sample):
    first = generate_block(sample, 7, 3, 300)
    generate_block(sample, 7, 4, 200)
    generate_block("mixed", 8, 0, 50)
    assert len(first) == 300
    assert identical(first, generate_block(sample, 7, 3, 300))


@pytest.mark.parametrize("sample", ["mixed", "charged"])
def test_a_tagged_block_depends_on_its_arguments_only(sample):
    first = generate_block(sample, 7, 3, 300, forced="tag")
    generic = generate_block(sample, 7, 3, 300)
    assert identical(first, generate_block(sample, 7, 3, 300, forced="tag"))
    assert identical(first[:120], generate_block(sample, 7, 3, 120, forced="tag"))
    assert first.particles["energy"][1] != generic.particles["energy"][1]


@pytest.mark.parametrize("sample", ["mixed", "ccbar"])
def test_fewer_events_are_the_first_of_more(sample):
    assert identical(generate_block(sample, 7, 0, 120), generate_block(sample, 7, 0, 400)[:120])


def test_events_do_not_depend_on_the_number_of_workers(monkeypatch):
    one = Events.concatenate(list(generate(GenerateConfig("mixed", BLOCK_EVENTS + 700, 3, 1))))
    two = Events.concatenate(list(generate(GenerateConfig("mixed", BLOCK_EVENTS + 700, 3, 2))))
    assert len(one) == BLOCK_EVENTS + 700
    assert identical(one, two)


def test_seeds_samples_and_blocks_give_different_events():
    blocks = [generate_block("mixed", 1, 0, 20), generate_block("mixed", 2, 0, 20),
              generate_block("mixed", 1, 1, 20), generate_block("charged", 1, 0, 20)]  # fmt: skip
    energies = {float(block.particles["energy"][1]) for block in blocks}
    assert len(energies) == len(blocks)


@pytest.mark.parametrize(
    "change", [{"events": 0}, {"seed": -1}, {"seed": 2**63}, {"workers": 0}, {"event": 5}]
)
def test_impossible_configurations_are_refused(change):
    with pytest.raises(InputError, match=next(iter(change))):
        from_mapping(GenerateConfig, change)


def test_an_unknown_sample_is_answered_with_the_known_ones():
    with pytest.raises(InputError, match=r"'tautau'.*mixed, charged, uubar"):
        generate(GenerateConfig("tautau"))
    with pytest.raises(InputError, match=r"'tautau'.*mixed, charged, uubar"):
        generate_block("tautau", 1, 0)


@pytest.mark.parametrize("n_events", [0, BLOCK_EVENTS + 1])
def test_a_block_has_one_to_block_events(n_events):
    with pytest.raises(InputError, match=f"{n_events} events in a block"):
        generate_block("mixed", 1, 0, n_events)


def test_without_pythia_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pythia8mc", None)
    with pytest.raises(InputError, match=r'pip install "hepsets\[generate\]"'):
        generate(GenerateConfig("mixed", 1))


def test_importing_the_stage_does_not_import_pythia(monkeypatch):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        assert not name.startswith("pythia8mc")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    for name in [name for name in sys.modules if name.startswith("hepsets.generate")]:
        monkeypatch.delitem(sys.modules, name)
    import hepsets.generate.pythia  # noqa: F401


def test_the_column_of_event_types_numbers_a_sample_from_one():
    column = pythia.event_types("charged", 3)
    assert column.tolist() == 3 * [pythia.SAMPLES.index("charged") + 1]
    assert column.dtype == "int8"

"""What a filter trained on one sample says of events of another."""

import dataclasses
from functools import lru_cache
from io import BytesIO

import numpy as np
import pytest
from helpers.hepmc_text import hepmc_text
from helpers.small_filter import small_card, small_filter

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.deploy.filter.card import FilterCard, TrainingDomain
from hepsets.deploy.filter.event_filter import EventFilter, Strange
from hepsets.formats.hepmc import HepmcBlock, read_hepmc
from hepsets.formats.hepmc_events import parse_hepmc
from hepsets.generate.beams import BeamConfig
from hepsets.generate.pythia import SAMPLES, generate_block

pytest.importorskip("pythia8mc")

UPSILON, VIRTUAL_PHOTON, PHOTON = 300553, 23, 22
NO_SUCH_ROOT = "roots that training never had"


@lru_cache
def events_of(sample: str, block: int = 0, events: int = 300) -> Events:
    return generate_block(sample, 77, block, events)


@lru_cache
def mixed_domain() -> TrainingDomain:
    return TrainingDomain.of(events_of("mixed", 1, 3000))


def judged(events: Events, domain: TrainingDomain | None = None) -> Strange:
    """What a filter of this training domain says of events; the network plays no part."""
    loaded = EventFilter.load(small_filter())
    card = dataclasses.replace(loaded.card, domain=domain or mixed_domain())
    return EventFilter(loaded.model, card).strange(events)


def test_the_roots_of_our_samples_are_what_the_collisions_made():
    for sample in SAMPLES:
        roots = set(TrainingDomain.of(events_of(sample)).roots)
        if sample in ("mixed", "charged"):
            assert roots == {UPSILON}
        else:  # photons radiated by the beams are roots of their own; now and then one becomes a pair
            assert {VIRTUAL_PHOTON, PHOTON} <= roots <= {VIRTUAL_PHOTON, PHOTON, 11, -11}


def test_fresh_events_of_the_same_sample_are_inside():
    strange = judged(events_of("mixed", 2))
    assert strange.outside.mean() < 0.05  # the edges of 3000 events are not those of the sample
    assert NO_SUCH_ROOT not in strange.reasons


@pytest.mark.parametrize("sample", ["uubar", "ddbar", "ssbar", "ccbar"])
def test_all_continuum_events_are_outside_what_was_trained_on_mixed(sample):
    events = events_of(sample)
    strange = judged(events)
    assert strange.outside.all()
    assert strange.reasons[NO_SUCH_ROOT] == len(events)
    text = hepmc_text(events)
    blocks = [part for part in read_hepmc(BytesIO(text), "text") if isinstance(part, HepmcBlock)]
    again = judged(Events.concatenate([parse_hepmc(block, "text")[0] for block in blocks]))
    assert again.outside.all()
    assert again.reasons[NO_SUCH_ROOT] == len(events)


def test_roots_count_even_if_all_particles_are_known():
    events = events_of("ccbar")
    ids = np.union1d(mixed_domain().pdg_ids, events.particles["pdg"])
    domain = dataclasses.replace(
        mixed_domain(),
        pdg_ids=tuple(int(i) for i in ids),
        multiplicity=(0, 200),
        momentum=((-20.0, 20.0),) * 4,
    )
    assert judged(events, domain).reasons == {NO_SUCH_ROOT: len(events)}


def test_charged_b_mesons_and_other_beams_are_outside_too():
    charged = judged(events_of("charged"))
    assert charged.outside.all()
    assert charged.unknown_ids[521] + charged.unknown_ids[-521] >= len(events_of("charged"))
    other = BeamConfig(electron_energy=7.5, positron_energy=3.737)  # the same energy in the centre of mass
    strange = judged(generate_block("mixed", 77, 0, 50, other))
    assert strange.outside.all()
    assert strange.reasons["another beam energy or momentum"] == 50


def test_cards_of_an_older_schema_are_refused_with_the_way_out():
    old = small_card().to_json().replace("hepsets-filter-3", "hepsets-filter-1")
    with pytest.raises(InputError, match=r"hepsets-filter-1.*hepsets-filter-3.*repeat the run"):
        FilterCard.from_json(old, "old.onnx")
    without = small_card().to_json().replace('"roots"', '"boots"')
    with pytest.raises(InputError, match="damaged"):
        FilterCard.from_json(without, "odd.onnx")

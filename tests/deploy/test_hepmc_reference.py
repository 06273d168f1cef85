"""HepMC3's own library, by pyhepmc, writes what the filter reads and reads what it writes."""

import numpy as np
import pyhepmc
import pytest
from helpers.small_filter import SKIMS, beam_events, small_filter
from pyhepmc import GenEvent, GenParticle, GenRunInfo, GenVertex, Units

from hepsets.core.errors import InputError
from hepsets.core.units import MM_PER_CM, SPEED_OF_LIGHT
from hepsets.deploy.filter.event_filter import EventFilter, FilterSettings
from hepsets.deploy.filter.files import filter_files
from hepsets.formats.hepmc import HepmcBlock, read_hepmc, read_weights
from hepsets.formats.hepmc_events import parse_hepmc

EVENTS = beam_events(60, 8)
FIRST_NUMBER = 1000


def written(path, momentum_unit, length_unit):
    """The events as pyhepmc writes them, with attributes on everything that can have some."""
    gev = 1.0 if momentum_unit == Units.GEV else 1e3
    length = MM_PER_CM if length_unit == Units.MM else 1.0
    run = GenRunInfo()
    run.weight_names = ["nominal", "scale_up"]
    run.tools = [("generator", "1.0", "a test")]
    run.attributes["beams"] = "SuperKEKB"
    with pyhepmc.io.WriterAscii(str(path), run) as writer:
        for number in range(len(EVENTS)):
            event = hepmc_event(EVENTS[number : number + 1], gev, length, momentum_unit, length_unit)
            event.event_number = FIRST_NUMBER + number
            event.run_info = run
            event.weights = [1.0 + number, 0.5]
            writer.write_event(event)


def hepmc_event(table, gev, length, momentum_unit, length_unit):
    column, mothers = table.particles, table.mothers
    event = GenEvent(momentum_unit, length_unit)
    beams = [GenParticle((0, 0, sign * 7 * gev, 7 * gev), sign * 11, 4) for sign in (1, -1)]
    particles = [
        GenParticle(
            tuple(gev * float(column[name][i]) for name in ("px", "py", "pz", "energy")),
            int(column["pdg"][i]),
            2 if (mothers == i).sum() > (mothers[i] == i) else 1,
        )
        for i in range(table.n_particles)
    ]
    vertices = {}
    for i, particle in enumerate(particles):
        mother = -1 if mothers[i] == i else int(mothers[i])
        if mother not in vertices:
            place = [length * float(column[axis][i]) for axis in "xyz"]
            vertex = GenVertex((*place, length * SPEED_OF_LIGHT * float(column["prod_time"][i])))
            for incoming in beams if mother < 0 else [particles[mother]]:
                vertex.add_particle_in(incoming)
            vertices[mother] = vertex
        vertices[mother].add_particle_out(particle)
    for vertex in vertices.values():
        event.add_vertex(vertex)
    event.attributes["signal_process_id"] = 221
    event.attributes["generator seed"] = "17 4"
    for particle in event.particles[2:5]:
        particle.attributes["polarisation"] = 0.25
    event.vertices[-1].attributes["decay model"] = "PHSP"
    return event


def everything(event):
    """All that an event holds but its weights, in plain numbers and strings."""
    return (
        event.event_number,
        event.momentum_unit,
        event.length_unit,
        attributes(event),
        [
            (p.id, p.pid, p.status, tuple(p.momentum), p.generated_mass, attributes(p))
            for p in event.particles
        ],
        [
            (
                v.id,
                v.status,
                tuple(v.position),
                [p.id for p in v.particles_in],
                [p.id for p in v.particles_out],
                attributes(v),
            )
            for v in event.vertices
        ],
        [(tool.name, tool.version, tool.description) for tool in event.run_info.tools],
        attributes(event.run_info),
    )


def attributes(owner):
    return {name: str(value) for name, value in owner.attributes.items()}


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(("momentum_unit", "length_unit"), [(Units.GEV, Units.MM), (Units.MEV, Units.CM)])
def test_what_pyhepmc_writes_comes_back_to_it_whole(momentum_unit, length_unit, suffix, tmp_path):
    source, target = tmp_path / "in.hepmc", tmp_path / f"out.hepmc{suffix}"
    written(source, momentum_unit, length_unit)
    event_filter = EventFilter.load(small_filter(2))
    summary = filter_files(event_filter, [source], target, FilterSettings(seed=3))
    with pyhepmc.open(str(source)) as before, pyhepmc.open(str(target)) as after:
        given = {event.event_number: event for event in before}
        kept = {event.event_number: event for event in after}
    assert list(given) == list(range(FIRST_NUMBER, FIRST_NUMBER + len(EVENTS)))
    assert 0 < len(kept) == summary.kept < len(given)

    weights = {}
    with source.open("rb") as stream:
        for part in read_hepmc(stream, "listing"):
            if isinstance(part, HepmcBlock):
                events, numbers = parse_hepmc(part, "listing")
                events = events.with_columns(weights=np.array([read_weights(text) for text in part.texts]))
                found = event_filter.weights(events, FilterSettings(seed=3), event_numbers=numbers)
                weights |= zip(numbers.tolist(), found, strict=True)
    assert {number for number, row in weights.items() if row.any()} == set(kept)
    names = ["nominal", "scale_up", *(kind + skim for kind in ("hepsets_", "weight_") for skim in SKIMS)]
    for number, event in kept.items():
        assert everything(event) == everything(given[number])
        assert list(event.weight_names) == names
        expected = [*given[number].weights, *weights[number], *weights[number]]
        assert [event.weight(name) for name in names] == pytest.approx(expected, rel=1e-12)


START = b"HepMC::Version 3.02.07\nHepMC::Asciiv3-START_EVENT_LISTING\n"
STOP = b"HepMC::Asciiv3-END_EVENT_LISTING\n\n"
BODY = (
    b"P 1 0 511 0 0 0 5.2 5.2 2\nV -1 0 [1] @ 0 0 0 0\nP 2 -1 22 0 0 1 1 0 1\n"
    b"P 3 -1 111 0 0 1 1 0.1 2\nP 4 3 22 0 0 1 1 0 1\n"
)


def record(counts=b"2 4", weights=b"W 1\n", more=b"", body=BODY):
    """One event; particle 4 comes from a vertex that has no line of its own."""
    return b"E 0 " + counts + b"\nU GEV MM\n" + weights + more + body


WHOLE = record()
NO_LINE = BODY.replace(b"P 4 3", b"P 4 1")
LISTINGS = {
    "as it should be": (START + WHOLE * 2 + STOP, True),
    "two listings": ((START + WHOLE + STOP) * 2, True),
    "a listing without version": (START + WHOLE + STOP + START.split(b"\n", 1)[1] + WHOLE + STOP, True),
    "event with position": (START + record(b"2 4 @ 1 2 3 4") + WHOLE + STOP, True),
    "a parent with a vertex of its own": (START + record(b"1 4", body=NO_LINE) + WHOLE + STOP, True),
    "vertex behind its particles": (
        START + record(body=BODY.replace(b"V -1 0 [1] @ 0 0 0 0\n", b"") + b"V -1 0 [1]\n") + WHOLE + STOP,
        True,
    ),
    "weights with names": (START + b"W a\\|b\n" + record(weights=b"W 1 2\n") * 2 + STOP, True),
    "too few vertices": (START + record(b"1 4") + WHOLE + STOP, False),
    "too many vertices": (START + record(b"3 4") + WHOLE + STOP, False),
    "far too many vertices": (START + record(b"67108864 4") + WHOLE + STOP, False),
    "a vertex counted twice": (START + record(body=NO_LINE) + WHOLE + STOP, False),
    "too many particles": (START + record(b"2 5") + WHOLE + STOP, False),
    "weights twice": (START + record(weights=b"W 1\nW 2\n") + WHOLE + STOP, False),
    "too few weights": (START + b"W a\\|b\n" + WHOLE * 2 + STOP, False),
    "two weights of one name": (START + b"W a\\|a\n" + record(weights=b"W 1 2\n") * 2 + STOP, False),
    "an empty line": (START + record(body=BODY + b"\n") + WHOLE + STOP, False),
    "an attribute cut": (START + record(more=b"A 0 name\n") + WHOLE + STOP, False),
    "an attribute of the run cut": (START + b"A name\n" + WHOLE * 2 + STOP, False),
    "a tool cut": (START + b"T\n" + WHOLE * 2 + STOP, False),
    "a position cut": (START + record(b"2 4 @ 1 2 3") + WHOLE + STOP, False),
}


@pytest.mark.parametrize("case", LISTINGS)
def test_the_filter_refuses_what_hepmc3_does_not_read_whole(case, tmp_path):
    text, good = LISTINGS[case]
    source, target = tmp_path / "in.hepmc", tmp_path / "out.hepmc"
    source.write_bytes(text)
    try:
        with pyhepmc.open(str(source)) as file:
            read = sum(1 for _ in file)
    except RuntimeError:
        read = 0
    assert (read == 2) == good  # HepMC3 itself
    event_filter = EventFilter.load(small_filter())
    if good:
        filter_files(event_filter, [source], target, FilterSettings(mode="score"))
        with pyhepmc.open(str(target)) as file:
            assert sum(1 for _ in file) == 2
    else:
        with pytest.raises(InputError):
            filter_files(event_filter, [source], target, FilterSettings(mode="score"))
        assert not target.exists()


@pytest.mark.parametrize(
    "text",
    [
        START + WHOLE + STOP + b"junk\n",
        START + WHOLE + STOP + b"junk\n" + START + WHOLE + STOP,
        START + b"X junk\n" + WHOLE + STOP,
        START + record(more=b"X junk\n") + STOP,
        START + record(weights=b"W \n") + STOP,
        START + record(weights=b"W nan\n") + STOP,
        START + b"W a\nW b\n" + WHOLE + STOP,
        START + b"W \n" + WHOLE + STOP,
    ],
)
def test_what_hepmc3_skips_with_a_warning_or_misreads_is_refused_too(text, tmp_path):
    (tmp_path / "in.hepmc").write_bytes(text)
    with pytest.raises(InputError):
        filter_files(
            EventFilter.load(small_filter()),
            [tmp_path / "in.hepmc"],
            tmp_path / "out.hepmc",
            FilterSettings(),
        )

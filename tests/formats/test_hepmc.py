import io
import re

import numpy as np
import pytest
from helpers.hepmc_text import BEGIN, END, hepmc_text
from helpers.random_events import event_tables, random_events
from hypothesis import given, settings
from hypothesis import strategies as st

from hepsets.core.errors import InputError
from hepsets.core.events import PARTICLE_COLUMNS, Events
from hepsets.formats import hepmc
from hepsets.formats.hepmc import Header, HepmcBlock, add_weight_names, add_weights, parse_hepmc, read_hepmc

EVENTS = random_events(12)


def parts(text: bytes):
    return list(read_hepmc(io.BytesIO(text), "text"))


def parsed(text: bytes) -> tuple[Events, np.ndarray]:
    blocks = [parse_hepmc(part, "text") for part in parts(text) if isinstance(part, HepmcBlock)]
    return Events.concatenate([events for events, _ in blocks]), np.concatenate([n for _, n in blocks])


def record(*lines: str, particles: int, vertices: int, units: str = "U GEV MM") -> Events:
    """The tree of one event written by hand."""
    text = "\n".join([f"E 7 {vertices} {particles} @ 10 20 30 0", units, "W 1", *lines]) + "\n"
    events, numbers = parse_hepmc(HepmcBlock([text.encode()]), "text")
    assert numbers.tolist() == [7]
    return events


def assert_same(found: Events, expected: Events) -> None:
    assert np.array_equal(found.offsets, expected.offsets)
    for name in set(PARTICLE_COLUMNS) - {"index", "mother_index"}:
        np.testing.assert_allclose(found.particles[name], expected.particles[name], rtol=2e-7, err_msg=name)
    assert np.array_equal(found.mothers, expected.mothers)


# -- trees -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("beams", [True, False])
@pytest.mark.parametrize("units", [("GEV", "MM"), ("MEV", "CM"), ("GEV", "CM"), ("MEV", "MM")])
def test_trees_and_units_come_back_from_the_text(units, beams):
    # without beams there is no vertex that says where a root was made
    events = as_hepmc_can_say(EVENTS)
    if not beams:
        for name in ("x", "y", "z", "prod_time"):
            events.particles[name][events.offsets[:-1]] = 0
    found, numbers = parsed(hepmc_text(events, units=units, beams=beams))
    assert_same(found, events)
    assert numbers.tolist() == list(range(len(events)))


def as_hepmc_can_say(events: Events) -> Events:
    """The same trees, daughters of one mother produced together, and no particle of its mother's kind."""
    columns = {name: column.copy() for name, column in events.particles.items()}
    roots = events.mothers == np.arange(events.n_particles)
    origin = np.where(roots, -1 - events.event_of_particle, events.mothers)
    _, first, back = np.unique(origin, return_index=True, return_inverse=True)
    for name in ("x", "y", "z", "prod_time"):
        columns[name] = columns[name][first][back]
    columns["pdg"] = 100_211 + 10 * columns["index"]
    return Events(columns, events.offsets)


@settings(max_examples=40)
@given(event_tables())
def test_any_forest_comes_back_from_the_text(events):
    events = as_hepmc_can_say(events)
    found, _ = parsed(hepmc_text(events, names=()))
    assert_same(found, events)


def test_block_size_changes_nothing(monkeypatch):
    text = hepmc_text(EVENTS)
    whole, numbers = parsed(text)
    for size in (100, 1000, 20_000):
        monkeypatch.setattr(hepmc, "BLOCK_BYTES", size)
        again, same = parsed(text)
        assert_same(again, whole)
        assert np.array_equal(same, numbers)
        assert (
            b"".join(
                b"".join(part.texts) if isinstance(part, HepmcBlock) else part.text for part in parts(text)
            )
            == text
        )


def test_beams_and_what_they_radiate():
    events = record(
        "P 1 0 11 0 0 7 7 0 4",
        "P 2 0 -11 0 0 -4 4 0 4",
        "P 3 1 22 0 0 1 1 0 1",  # radiated by the first beam, in a vertex that is not written
        "P 4 1 11 0 0 6 6 0 21",
        "V -2 0 [2,4]",
        "P 5 -2 300553 0 0 2 10 0 2",
        "P 6 5 511 0 0 1 5 0 1",
        particles=6,
        vertices=3,
    )
    assert events.particles["pdg"].tolist() == [22, 300553, 511]
    assert events.mothers.tolist() == [0, 1, 1]
    # all without a vertex position: the event's, in mm
    assert np.allclose(events.particles["z"], 3)


def test_partons_strings_and_copies_are_left_out():
    events = record(
        "P 1 0 11 0 0 5 5 0 4",
        "P 2 0 -11 0 0 -5 5 0 4",
        "V -1 0 [1,2] @ 0 0 1 0",
        "P 3 -1 23 0 0 0 10 0 22",
        "P 4 3 23 0 0 0 10 0 62",  # only a copy
        "V -3 0 [4] @ 0 0 2 0",
        "P 5 -3 1 0 0 5 5 0 71",
        "P 6 -3 -1 0 0 -5 5 0 71",
        "V -4 0 [5,6] @ 0 0 3 0",
        "P 7 -4 92 0 0 0 10 0 2",
        "P 8 7 211 0 0 1 2 0 1",
        "P 9 7 -211 0 0 1 2 0 1",
        particles=9,
        vertices=5,
    )
    assert events.particles["pdg"].tolist() == [23, 211, -211]
    assert events.mothers.tolist() == [0, 0, 0]
    assert np.allclose(events.particles["z"], [0.1, 0.3, 0.3])  # the copy; then the string's vertex


def test_a_particle_without_a_position_is_made_where_its_mother_is():
    events = record(
        "P 1 0 511 0 0 1 6 0 2",
        "V -1 0 [1] @ 1 2 3 4",
        "P 2 -1 421 0 0 1 3 0 2",
        "P 3 2 321 0 0 1 2 0 1",
        particles=3,
        vertices=2,
    )
    assert np.allclose(events.particles["x"], [1.0, 0.1, 0.1])
    assert np.allclose(events.particles["prod_time"][1:], 0.4 / 29.9792458)


def test_events_without_anything_but_beams_are_empty():
    events = record("P 1 0 11 0 0 7 7 0 4", particles=1, vertices=0)
    assert len(events) == 1
    assert events.n_particles == 0


# -- text --------------------------------------------------------------------------------------------


def test_weights_are_added_and_nothing_else_changes():
    text = next(part for part in parts(hepmc_text(EVENTS)) if isinstance(part, HepmcBlock)).texts[0]
    added = add_weights(text, [2.5, 0.0])
    assert added.replace(b" 2.5 0\nA", b"\nA") == text
    assert re.search(rb"^W \S+ 2.5 0$", added, re.MULTILINE)
    bare = re.sub(rb"\nW [^\n]*", b"", text)
    assert b"U GEV MM\nW 1 2.5 0\n" in add_weights(bare, [2.5, 0.0])


def test_weights_keep_all_digits():
    text = b"E 0 0 0\nU GEV MM\nW 1\n"
    value = float(add_weights(text, [1 / 0.3]).split()[-1])
    assert value == 1 / 0.3


@pytest.mark.parametrize(
    ("names", "weights", "expected"),
    [
        (("a", "b"), 2, rb"W a\|b\|hepsets_x"),
        ((), 1, rb"W Default\|hepsets_x"),
        ((), 3, rb"W Default\|1\|2\|hepsets_x"),
    ],
)
def test_names_are_added_to_the_run_information(names, weights, expected):
    header = next(
        part for part in parts(hepmc_text(EVENTS, names=names)) if isinstance(part, Header) and part.begins
    )
    lines = add_weight_names(header, ["hepsets_x"], weights).split(b"\n")
    assert lines[1] == expected
    assert b"A run_attribute 17" in lines
    assert sum(line.startswith(b"W") for line in lines) == 1


def test_filtering_twice_for_one_skim_is_refused():
    header = Header(BEGIN.split(b"\n", 1)[1], ("nominal", "hepsets_x"))
    with pytest.raises(InputError, match="already"):
        add_weight_names(header, ["hepsets_x"], 2)


# -- what is no HepMC3 -------------------------------------------------------------------------------

ONE = hepmc_text(EVENTS[:2])


def swapped(old: bytes, new: bytes) -> bytes:
    assert old in ONE
    return ONE.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "HepMC3 ASCII"),
        (b"HepMC::", "HepMC3 ASCII"),
        (bytes(range(256)) * 40, "HepMC3 ASCII"),
        (b"HepMC::Version 2.06\nHepMC::IO_GenEvent-START_EVENT_LISTING\nE 0 1 2\n", "IO_GenEvent"),
        (ONE[: -len(END)], "ends within a listing"),
        (ONE[: len(ONE) // 2], "ends within a listing"),
        (BEGIN, "ends within a listing"),
        (ONE.replace(b"HepMC::Asciiv3-START_EVENT_LISTING\n", b""), "outside a listing"),
        (swapped(b"U GEV MM", b"U TEV MM"), "units"),
        (swapped(b"U GEV MM", b"U GEV PARSEC"), "units"),
        (swapped(b"U GEV MM\n", b""), "no units"),
        (swapped(b"P 1 0", b"P 1"), "cannot be read"),
        (swapped(b"P 1 0 11", b"P one 0 11"), "cannot be read"),
        (swapped(b"P 1 0 11 0 0 7", b"P 1 0 11 0 nan 7"), "not finite"),
        (swapped(b"P 1 0 11 0 0 7", b"P 1 0 11 0 1e300 7"), "not finite"),
        (swapped(b"P 1 0 11 0 0 7", b"P 2 0 11 0 0 7"), "stands twice"),
        (swapped(b"P 1 0 11", b"P 9999 0 11"), "out of range"),
        (swapped(b"P 1 0 11", b"P 1 -9999 11"), "parent"),
        (swapped(b"[1,2]", b"[1,9999]"), "incoming"),
        (swapped(b"[1,2]", b"[1,x]"), "incoming"),
        (swapped(b"[1,2]", b"1,2"), "incoming"),
        (swapped(b"V -1 0", b"V -999 0"), "out of range"),
        (swapped(b"E 0 ", b"E zero "), "cannot be read"),
        (re.sub(rb"E 0 (\d+) (\d+)", rb"E 0 \1 999999999999", ONE, count=1), "impossible"),
        (re.sub(rb"E 0 (\d+) (\d+)", rb"E 0 \1 3", ONE, count=1), "as its E line says"),
    ],
)
def test_what_is_no_hepmc_is_refused_with_its_reason(text, message):
    with pytest.raises(InputError, match=message):
        parsed(text)


def test_the_event_to_blame_is_named():
    with pytest.raises(InputError, match="event 'E 1 "):
        parsed(re.sub(rb"(E 1 .*\n)U GEV MM", rb"\1U GEV M", ONE))


@settings(max_examples=150)
@given(st.data())
def test_damaged_text_is_refused_or_still_a_forest(data):
    text = bytearray(ONE)
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(text) - 1))
        kind = data.draw(st.sampled_from(["set", "cut", "double", "drop"]))
        if kind == "set":
            text[at] = data.draw(st.integers(0, 255))
        elif kind == "cut":
            text = text[: max(at, 1)]
        elif kind == "double":
            text = text[:at] + text[max(at - 40, 0) :]
        else:
            text = text[:at] + text[at + data.draw(st.integers(1, 60)) :] or bytearray(b"x")
    try:
        blocks = [parse_hepmc(part, "text") for part in parts(bytes(text)) if isinstance(part, HepmcBlock)]
    except InputError:
        return
    for events, _ in blocks:
        events.validate(allow_empty=True)

import re

import numpy as np
import pytest
from helpers.hepmc_text import BEGIN, END, assert_same, hepmc_text, parsed, parts
from helpers.random_events import random_events
from hypothesis import given, settings
from hypothesis import strategies as st

from hepsets.core.errors import InputError
from hepsets.formats import hepmc
from hepsets.formats.hepmc import Header, HepmcBlock, add_weight_names, marked
from hepsets.formats.hepmc_events import parse_hepmc

EVENTS = random_events(12)


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


# -- text --------------------------------------------------------------------------------------------


def test_weights_are_added_and_nothing_else_changes():
    text = next(part for part in parts(hepmc_text(EVENTS)) if isinstance(part, HepmcBlock)).texts[0]
    added = marked(text, ("Default",), {"a": 2.5, "b": 0.0})
    assert added.replace(b" 2.5 0\nA", b"\nA") == text
    assert re.search(rb"^W \S+ 2.5 0$", added, re.MULTILINE)
    bare = re.sub(rb"\nW [^\n]*", b"", text)
    assert b"U GEV MM\nW 1 2.5 0\n" in marked(bare, (), {"a": 2.5, "b": 0.0})


def test_weights_keep_all_digits():
    text = b"E 0 0 0\nU GEV MM\nW 1\n"
    value = float(marked(text, ("Default",), {"a": 1 / 0.3}).split()[-1])
    assert value == 1 / 0.3


def test_weights_that_an_event_has_are_replaced_in_their_places():
    text = b"E 0 0 0\nU GEV MM\nW 1 2 3\nA 0 x y\n"
    assert marked(text, ("x", "y", "z"), {"y": 5.0, "new": 7.0}) == text.replace(b"W 1 2 3", b"W 1 5 3 7")
    assert marked(text, ("x", "y", "z"), {}) == text


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

"""Whatever is said fits on a screen, and columns of events come with errors."""

import numpy as np
import pytest
from helpers.random_candidates import random_candidates
from helpers.random_events import random_events
from helpers.shown import fits_on_a_screen
from helpers.toy_z_events import z_events

from hepsets.core.event_frame import EventFrame
from hepsets.core.images import Images
from hepsets.core.purpose import Purpose
from hepsets.core.screen import LINES, WIDTH, column_lines, on_screen


def test_what_is_too_much_is_counted_and_the_last_line_stays():
    lines = on_screen([f"line {number}" for number in range(60)], "the end").splitlines()
    assert len(lines) == LINES
    assert lines[-2:] == ["… and 37 more lines", "the end"]
    assert lines[-3] == "line 22"


def test_what_is_too_wide_goes_on_in_the_next_line():
    text = on_screen(["word " * 50, "x" * 3 * WIDTH])
    assert max(map(len, text.splitlines())) <= WIDTH
    assert text.count("word") == 50
    assert text.count("x") == 3 * WIDTH


def test_a_column_says_how_many_are_true_or_its_mean_and_what_is_undefined():
    rng = np.random.default_rng(1)
    said = dict(
        line.split(maxsplit=1)
        for line in column_lines(
            {
                "label": np.arange(1000) < 30,
                "R2": np.append(rng.normal(0.3, 0.1, 10_000), np.nan),
                "passes": np.zeros((5, 2)),
                "none": np.full(3, np.nan),
            }
        )
    )
    assert said["label"] == "30 of 1,000, 0.0300 ± 0.0054"
    assert said["R2"].startswith("mean 0.2989 ± 0.0010, ")
    assert said["R2"].endswith(", 1 undefined")
    assert said["passes"] == "float64, shape (5, 2)"
    assert said["none"] == "no number"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (random_events(40, seed=1).used_for(Purpose.TEST), "Events: 40 events, for test\n"),
        (random_events(40, seed=1)[:0], "Events: 0 events\n0 particles: pdg, "),
        (random_candidates(30, seed=2), "ParticleSets: 30 events\n"),
        (z_events(20, seed=1), "VertexedEvents: 20 events\n"),
        (
            EventFrame({f"x{i}": np.arange(5) for i in range(50)}),
            "EventFrame: 5 events\nx0   mean 2.00 ± 0.71, 0 to 4",
        ),
        (
            Images(np.zeros((3, 1, 8, 8)), np.array([0, 2, 2]), np.arange(3)),
            "Images: 3 of 1 × 8 × 8\nof each class 0: 1, 1: 0, 2: 2",
        ),
    ],
)  # fmt: skip
def test_a_table_of_events_says_what_it_holds_on_one_screen(table, said):
    assert fits_on_a_screen(table).startswith(said)

"""An E line that promises a number of vertices or particles that nobody has memory for."""

import re

import pytest
from helpers.hepmc_text import hepmc_text
from helpers.small_filter import beam_events

TEXT = hepmc_text(beam_events(3))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (rb"E 1 67108864 \2\n", "67108864, as its E line says"),
        (rb"E 1 \1 67108864\n", "67108864, as its E line says"),
        (rb"E 1 1000000000 \2\n", "impossible number"),
        (rb"E 1 99999999999999999999 \2\n", "cannot be read"),
    ],
)
def test_it_is_refused_and_nothing_is_allocated_for_it(case, line, message):
    text, found = re.subn(rb"E 1 (\d+) (\d+)\n", line, TEXT)
    assert found == 1
    (case.folder / "in.hepmc").write_bytes(text)
    case.add()
    assert message in case.refused("filter", "in.hepmc", "--out", "out.hepmc", "--mode", "score")

"""Events with an empty line of weights; a second one beside it would end HepMC3's reading."""

import pytest
from helpers.hepmc_text import hepmc_text
from helpers.small_filter import beam_events

TEXT = hepmc_text(beam_events(3), names=())
WEIGHTS = b"W 1.0000000000000000000000e+00\n"


@pytest.mark.parametrize("line", [b"W \n", b"W\n", WEIGHTS * 2, b"W one\n", b"W nan\n"])
def test_weights_that_are_no_weights_are_refused(case, line):
    assert TEXT.count(WEIGHTS) == 3
    (case.folder / "in.hepmc").write_bytes(TEXT.replace(WEIGHTS, line, 1))
    case.add()
    text = case.refused("filter", "in.hepmc", "--out", "out.hepmc", "--mode", "score")
    assert "event 'E 0 " in text

"""How many B → D h candidates a core makes per second of its time: generated, seen by LHCb, combined."""

import time

import numpy as np
import pytest

from hepsets.generate.lhc_beauty.samples import generate_lhc_block
from hepsets.select.bs_dspi.candidates import find_candidates
from hepsets.simulate.forward import see_lhc_events
from hepsets.simulate.lhcb import LHCB

pytest.importorskip("pythia8mc")

LEAST = {"bs_dspi": 30, "lhcb_bbbar": 6}
"""Candidates per second of a core that is half as fast as the one that 60 of signal are promised for; and
20 000 of data, most of them of mixed events, in 15 minutes of two such cores."""


@pytest.mark.parametrize("sample", LEAST)
def test_candidates_are_made_fast_enough(sample):
    numbers = np.arange(1000)

    def find(seen):
        return find_candidates(seen, sample=sample, mixed=sample == "lhcb_bbbar")

    def see(events):
        return see_lhc_events(events, seed=1, event_numbers=numbers, detector=LHCB)

    find(see(generate_lhc_block(sample, 1, 0)))  # compiles
    seconds, found = np.zeros(3), 0
    for block in range(1, 5):
        begin = time.process_time()
        events = generate_lhc_block(sample, 1, block)
        generated = time.process_time()
        seen = see(events)
        looked = time.process_time()
        found += len(find(seen))
        seconds += np.diff([begin, generated, looked, time.process_time()])
    rates = " ".join(
        f"{4000 / s:.0f} {what}" for s, what in zip(seconds, ("generated", "seen", "combined"), strict=True)
    )
    print(f"\n{sample}: {rates} per second; {found / seconds.sum():.1f} candidates per second")
    assert found / seconds.sum() >= LEAST[sample]

"""How many B → D h candidates a core makes per second of its time: generated, seen by LHCb, combined."""

import time

import numpy as np
import pytest

from hepsets.generate.lhc_beauty.samples import LhcConfig, generate_lhc_block
from hepsets.select.bs_dspi.candidates import find_candidates
from hepsets.simulate.forward import see_lhc_events
from hepsets.simulate.lhcb import LHCB

pytest.importorskip("pythia8mc")

STEPS = ("generated", "seen", "combined")

LEAST = {"bs_dspi": 30, "lhcb_bbbar": 12}
"""Candidates per second of a core that is half as fast as the one that 60 of signal are promised for; and
of data, most of them of mixed events."""

GAIN = {"bs_dspi": 20, "lhcb_bbbar": 100}
"""Candidates for each that the naive way finds in the same time: an event of its own from the partons on for
each decay, and no mixing of events."""

NAIVE = LhcConfig(rehadronisations=1, redecays=1)


def made(sample, config, n_events, blocks):
    """Seconds of generating, seeing, combining an event; candidates, and those of single events, in it."""
    numbers = np.arange(n_events)
    seconds, found, single = np.zeros(3), 0, 0.0
    for block in blocks:
        begin = time.process_time()
        events = generate_lhc_block(sample, 1, block, n_events, config)
        generated = time.process_time()
        seen = see_lhc_events(events, seed=1, event_numbers=numbers, detector=LHCB)
        looked = time.process_time()
        candidates = find_candidates(seen, sample=sample, mixed=sample == "lhcb_bbbar")
        seconds += np.diff([begin, generated, looked, time.process_time()])
        found += len(candidates)
        single += float(candidates.columns["weight"].sum())
    events = n_events * len(blocks)
    return seconds / events, found / events, single / events


@pytest.mark.parametrize("sample", LEAST)
def test_candidates_are_made_fast_enough(sample):
    made(sample, LhcConfig(), 1000, [0])  # compiles
    seconds, found, single = made(sample, LhcConfig(), 1000, range(1, 5))
    rate = found / seconds.sum()
    naive = single / made(sample, NAIVE, 100, [5])[0].sum()
    told = " ".join(f"{1 / s:.0f} {what}" for s, what in zip(seconds, STEPS, strict=True))
    print(f"\n{sample}: {told} per second; {rate:.1f} candidates per second, naively {naive:.3g}")
    assert rate >= LEAST[sample]
    assert rate >= GAIN[sample] * naive

"""What it costs to make events for continuum suppression: from nothing to sets, without writing."""

import pytest

from hepsets.analyses.continuum_suppression.sample import ContinuumSampleConfig, make_continuum_sample

pytest.importorskip("pythia8mc")


@pytest.mark.parametrize("kind", ["signal", "background"])
def test_kept_events(benchmark, kind):
    """One round of 5 000 generated events; see the kept ones in ``extra_info``."""
    config = ContinuumSampleConfig(
        signal_events=int(kind == "signal"), background_events=int(kind == "background"), seed=3
    )
    make_continuum_sample(config)  # compiles, and starts Pythia
    sample = benchmark.pedantic(make_continuum_sample, args=(config,), rounds=3)
    benchmark.extra_info["kept"] = len(sample.events)

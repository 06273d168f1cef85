"""A production filters its generated HepMC events in a pipe; what it keeps stands for all, and is checked."""

import numpy as np
import pyhepmc
import pytest
from helpers.fresh_environment import interpreter

pytestmark = pytest.mark.validate


@pytest.mark.parametrize("minor", [minor for minor in (11, 12, 13) if interpreter(minor)])
def test_a_pipe_keeps_events_whose_weights_stand_for_all_that_were_generated(
    with_the_base, production, tmp_path, minor
):
    user = with_the_base(tmp_path, interpreter(minor))
    told = user.types(f"cat {production}/x.hepmc | hepsets filter - --out - > kept.hepmc")
    with pyhepmc.open(production / "x.hepmc") as file:
        generated = {event.event_number: len(event.particles) for event in file}
    with pyhepmc.open(tmp_path / "kept.hepmc") as file:  # HepMC3's own reader
        kept = [
            (event.event_number, len(event.particles), event.weight("hepsets_hadronic_b0")) for event in file
        ]
    assert all(generated[number] == particles for number, particles, _ in kept)
    assert 0.05 < len(kept) / len(generated) < 0.5
    weights = np.array([weight for *_, weight in kept])
    error = np.sqrt(np.sum(weights * (weights - 1)))  # each event is kept with probability 1 / weight
    assert error < 0.1 * len(generated)
    assert abs(weights.sum() - len(generated)) < 3 * error
    assert f"{len(kept)} of {len(generated)} events kept" in told.replace(" ", " ").replace(",", "")


def test_the_filter_closes_on_their_own_simulated_sample(with_the_base, production, tmp_path):
    told = with_the_base(tmp_path).types(
        f"hepsets check-filter hadronic_b0 --full {production}/labelled.parquet"
    )
    assert "closes" in told
    assert "does not close" not in told

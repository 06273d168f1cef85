"""Decays of B⁰ → K*⁰μ⁺μ⁻ per second on one core: drawn, written to a file, and fitted."""

import itertools

import pytest

from hepsets.generate.kstmumu.density import WINDOWS, density_coefficients
from hepsets.generate.kstmumu.files import write_decays
from hepsets.generate.kstmumu.likelihood import fit_exact
from hepsets.generate.kstmumu.sampler import sample_decays

EVENTS = 1_000_000


def rate(benchmark, events: int) -> None:
    benchmark.extra_info["events_per_s"] = round(events / benchmark.stats.stats.min)


@pytest.mark.parametrize("delta_c9", [-2.0, -0.8, 0.0, 1.1])
def test_draw_decays(benchmark, delta_c9):
    sample_decays(1, delta_c9, 1)  # compile
    seeds = itertools.count(1)
    benchmark.pedantic(lambda: sample_decays(EVENTS, delta_c9, next(seeds)), rounds=5, iterations=1)
    rate(benchmark, EVENTS)


def test_write_decays(benchmark, tmp_path):
    sample_decays(1, 0.0, 1)
    path = tmp_path / "decays.parquet"
    benchmark.pedantic(
        lambda: write_decays(path, (-0.8,), EVENTS, 1, WINDOWS["0-20"]), rounds=5, iterations=1
    )
    rate(benchmark, EVENTS)


def test_density_coefficients(benchmark):
    frame = sample_decays(EVENTS, -0.8, 1)
    density_coefficients(frame[:1], WINDOWS["0-20"])
    benchmark.pedantic(density_coefficients, args=(frame, WINDOWS["0-20"]), rounds=5, iterations=1)
    rate(benchmark, EVENTS)


@pytest.mark.parametrize("events", [8_000, 32_000])
def test_fit_exactly(benchmark, events):
    frame = sample_decays(events, -0.8, 1)
    benchmark.pedantic(fit_exact, args=(frame, WINDOWS["0-20"]), rounds=5, iterations=1, warmup_rounds=1)
    rate(benchmark, events)

"""B_s → D_sπ candidates out of a hat: no collisions, but all columns, with known numbers of everything."""

from __future__ import annotations

import numpy as np

from hepsets.core.measured import Measured
from hepsets.core.particle_sets import ParticleSets
from hepsets.select.bs_dspi.candidates import AROUND, DAUGHTERS
from hepsets.select.bs_dspi.sample import CandidateSample
from hepsets.select.bs_dspi.truth import CATEGORY

MEAN, WIDTH = 5.36693, 0.016
"""Of the peak [GeV]."""

NUMBERS = {
    "bs_dspi": 400,
    "b0_dpi": 60,
    "lb_lcpi": 60,
    "bs_dsstpi": 150,
    "bs_dsrho": 150,
    "bs_dsk": 20,
    "b0_dspi": 12,
    "lhcb_bbbar": 3000,
}
"""Of each kind in the toy data: a tenth of what lies under the peak is signal."""

SIMULATED = {name: 1500 if name in ("bs_dspi", "lhcb_bbbar") else 300 for name in NUMBERS}
"""Simulated candidates of each kind."""

PER_FAMILY = 5
"""Candidates of one parton event."""

_LOG = [
    "bs_vertex_chi2",
    "bs_flight_chi2",
    "bs_ip",
    "bs_ip_chi2",
    "bs_flight_distance",
    "bs_doca",
    "ds_vertex_chi2",
    "ds_doca",
    "ds_flight_chi2",
    "ds_flight_chi2_primary",
    "ds_flight_distance",
    "ds_ip_chi2",
    "min_ip_chi2",
    "chi2_with_one_more",
    "bs_pt",
    "ds_pt",
]
"""Columns that are positive; those of combinations are larger or smaller by a factor of one standard
deviation."""


def candidates(sample: str, n: int, seed: int) -> ParticleSets:
    """So many candidates of one kind."""
    rng = np.random.default_rng([seed, CATEGORY[sample]])
    combination = sample == "lhcb_bbbar"
    apart = 0.4 if combination else 0.0
    columns = {name: np.exp(rng.normal(apart * (-1) ** k, 1.0, n)) for k, name in enumerate(_LOG)}
    columns["bs_dira"] = 1 - 1e-5 * np.exp(rng.normal(apart, 1.0, n))
    columns["bs_mass"] = _mass(sample, n, rng)
    columns["bs_mass_err"] = np.full(n, 0.015)
    columns["ds_mass"] = rng.uniform(1.93, 2.015, n) if combination else rng.normal(1.9683, 0.006, n)
    columns["ds_mode"] = rng.choice(3, n, p=[0.4, 0.4, 0.2]).astype(np.int8)
    columns["kk_mass"], columns["kpi_mass"] = rng.uniform(1.0, 1.5, (2, n))
    dplus, lc = (1.8697 if sample == "b0_dpi" else 1.7), (2.2865 if sample == "lb_lcpi" else 2.5)
    columns["dplus_mass"], columns["lc_mass"] = rng.normal(dplus, 0.01, n), rng.normal(lc, 0.01, n)
    for name in DAUGHTERS:
        columns[f"{name}_pt"] = rng.gamma(3.0, 0.5, n)
        columns[f"{name}_ip_chi2"] = np.exp(rng.normal(3 - apart, 1.0, n))
        for kind in ("k", "pi", "p"):
            columns[f"{name}_prob_nn_{kind}"] = rng.beta(5, 1.5, n) if kind != "p" else rng.beta(1, 8, n)
    if sample in ("b0_dpi", "lb_lcpi"):
        columns["kaon_ss_prob_nn_k"] = rng.beta(2, 4, n)
        columns["kaon_ss_prob_nn_p"] = rng.beta(3, 2, n)
    columns["cone_asymmetry"] = np.clip(rng.normal(0.0 if combination else 0.2, 0.3, n), -1, 1)
    return _with_truth(columns, sample, n, rng)


def _mass(sample: str, n: int, rng: np.random.Generator) -> np.ndarray:
    if sample == "lhcb_bbbar":
        return 5.0 - np.log(1 - rng.uniform(size=n) * (1 - np.exp(-1.5))) / 1.5
    mean, width = {
        "bs_dspi": (MEAN, WIDTH),
        "b0_dpi": (5.36, 0.03),
        "lb_lcpi": (5.42, 0.05),
        "bs_dsk": (5.33, 0.02),
        "b0_dspi": (5.2797, WIDTH),
    }.get(sample, (5.2, 0.06))
    return rng.normal(mean, width, n)


def _with_truth(columns: dict, sample: str, n: int, rng: np.random.Generator) -> ParticleSets:
    time = rng.exponential(1.52, n) + 0.2
    flavour = rng.choice([-1, 1], n)
    mixed = rng.uniform(size=n) < 0.5 * (1 - np.cos(17.7683 * time))
    columns |= {
        "decay_time": time + rng.normal(0, 0.05, n),
        "decay_time_err": np.full(n, 0.05),
        "true_decay_time": time,
        "flavour_produced": flavour.astype(np.int8),
        "flavour_decayed": np.where(mixed, -flavour, flavour).astype(np.int8),
        "bachelor_charge": np.where(mixed, -flavour, flavour).astype(np.int8),
        "category": np.full(n, CATEGORY[sample], np.int8),
        "is_true_ds": np.full(n, sample.startswith("bs")),
        "underlying_event": (rng.integers(2**40, 2**50) + np.arange(n) // PER_FAMILY).astype(np.int64),
        "event_number": np.arange(n),
        "weight": np.full(n, 1e-3 if sample == "lhcb_bbbar" else 1.0),
        "n_tracks": rng.poisson(40, n),
    }
    tracks = rng.poisson(4, n)
    around = {name: rng.normal(size=tracks.sum()).astype(np.float32) for name in AROUND}
    for name in ("pt", "ip_chi2", "vertex_chi2"):
        around[name] = np.exp(around[name])
    around["charge"] = np.sign(around["charge"])
    return ParticleSets(around, np.concatenate([[0], np.cumsum(tracks)]), columns)


def toy_samples(
    seed: int = 1, size: float = 1.0
) -> tuple[dict[str, CandidateSample], dict[str, Measured], ParticleSets]:
    """Simulated samples, what is expected of each in data, and data with just so many."""
    simulated = {
        name: CandidateSample(name, candidates(name, int(size * n), seed), 10 * n, 20 * n)
        for name, n in SIMULATED.items()
    }
    yields = {name: Measured(size * n, 0.1 * size * n) for name, n in NUMBERS.items()}
    data = ParticleSets.concatenate(
        [candidates(name, int(size * n), seed + 1000) for name, n in NUMBERS.items()]
    )
    data = data[np.random.default_rng(seed).permutation(len(data))]
    return simulated, yields, data.with_columns(weight=np.ones(len(data)))

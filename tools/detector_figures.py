"""Figures of the detector: what it measures against the numbers that its configuration quotes.

    python tools/detector_figures.py OUTDIR

Particle guns show efficiencies and resolutions; generated events show mass peaks and the B tag.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from particle import Particle

from hepsets.core.events import Events
from hepsets.core.kernel import as_record
from hepsets.generate.pythia import generate_block
from hepsets.select.candidates.combine import combine
from hepsets.select.candidates.record import D0, D_PLUS, DSTAR_PLUS, KSHORT, PI0
from hepsets.select.skims.record import SkimCandidates
from hepsets.select.skims.registry import find_candidates
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.calorimeter import energy_resolution
from hepsets.simulate.detector import Reconstructed, simulate
from hepsets.simulate.tracker import impact_resolution, momentum_resolution, tracking_efficiency

Floats = NDArray[np.float64]

SEED = 41
GUN_EVENTS = 4000
"""Particles per point of a scan."""


def shoot(pdg: int, p: Floats, theta: Floats, *, seed: int = SEED) -> tuple[Events, Reconstructed]:
    """One particle per event with momenta ``p`` [GeV] and polar angles ``theta`` [rad], shape ``(n,)``."""
    n = len(p)
    phi = np.random.default_rng(seed).uniform(-np.pi, np.pi, n)
    mass = (Particle.from_pdgid(pdg).mass or 0.0) / 1000.0
    zero = np.zeros(n)
    columns = {
        "pdg": np.full(n, pdg),
        "index": zero,
        "mother_index": zero,
        "prod_time": zero,
        "x": zero,
        "y": zero,
        "z": zero,
        "px": p * np.sin(theta) * np.cos(phi),
        "py": p * np.sin(theta) * np.sin(phi),
        "pz": p * np.cos(theta),
        "energy": np.hypot(p, mass),
    }
    events = Events(columns, np.arange(n + 1))
    return events, simulate(events, seed=seed, event_numbers=np.arange(n), detector=BELLE2)


def _core_width(values: Floats) -> tuple[float, float]:
    """Half the central 68.27 % interval and its uncertainty (that of a Gaussian's)."""
    low, high = np.percentile(values, [15.865, 84.135])
    # a quantile at one sigma has variance p (1 - p) / (n f^2); the two correlate by p / (1 - p)
    p, density = 0.15865, 0.24197
    error = np.sqrt(p * (1 - p) / len(values)) / density * np.sqrt(0.5 * (1 - p / (1 - p)))
    width = 0.5 * (high - low)
    return float(width), float(width * error)


def _share(found: int, n: int) -> tuple[float, float]:
    """Efficiency and binomial uncertainty (Wilson's variance, never zero)."""
    share = found / n
    return share, float(np.sqrt(share * (1 - share) / n + 0.25 / n**2))


def _axes(x: str, y: str, *, log: bool = False) -> tuple[Figure, Any]:
    figure = Figure(figsize=(6.0, 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    if log:
        axes.set_xscale("log")
    axes.grid(alpha=0.25)
    return figure, axes


def tracking_efficiency_figure() -> Figure:
    """Efficiency against transverse momentum for four species, with the configured turn-on."""
    figure, axes = _axes(r"transverse momentum $p_T$ [GeV]", "tracking efficiency", log=True)
    edges = np.geomspace(0.03, 3.0, 15)
    rng = np.random.default_rng(SEED)
    for pdg, name, marker in ((13, r"$\mu$", "o"), (211, r"$\pi$", "s"), (321, "K", "^"), (2212, "p", "v")):
        points = []
        for pt in edges:
            theta = rng.uniform(np.radians(35), np.radians(125), GUN_EVENTS)
            _, seen = shoot(pdg, pt / np.sin(theta), theta)
            points.append(_share(len(seen.tracks), GUN_EVENTS))
        share, error = np.array(points).T
        axes.errorbar(edges, share, error, fmt=marker, markersize=4, label=f"{name}, simulated")
    grid = np.geomspace(0.03, 3.0, 200)
    config = as_record(BELLE2.tracker)
    axes.plot(
        grid,
        [tracking_efficiency(config, pt, 1.5, 0.0) for pt in grid],
        "k-",
        lw=1,
        label="configured, without decays in flight",
    )
    axes.set_ylim(0, 1.05)
    axes.legend(title=r"$35° < \theta < 125°$")
    return figure


def acceptance_figure() -> Figure:
    """Efficiency of muons and photons against the polar angle."""
    figure, axes = _axes(r"polar angle $\theta$ [°]", "efficiency")
    edges = np.linspace(5, 170, 67)
    centres = 0.5 * (edges[1:] + edges[:-1])
    rng = np.random.default_rng(SEED + 1)
    for pdg, name in ((13, r"$\mu$, 0.5 GeV: track"), (22, r"$\gamma$, 0.5 GeV: cluster")):
        points = []
        for low, high in pairwise(edges):
            theta = np.radians(rng.uniform(low, high, GUN_EVENTS // 4))
            _, seen = shoot(pdg, np.full(len(theta), 0.5), theta)
            found = len(seen.tracks) if pdg == 13 else int((seen.clusters["particle"] >= 0).sum())
            points.append(_share(found, len(theta)))
        share, error = np.array(points).T
        axes.errorbar(centres, share, error, fmt=".-", lw=0.8, label=name)
    for angle in (BELLE2.tracker.theta_min, BELLE2.tracker.theta_max):
        axes.axvline(angle, color="k", lw=0.8, ls=":")
    axes.set_ylim(0, 1.05)
    axes.legend(loc="lower center")
    return figure


def momentum_resolution_figure() -> Figure:
    """Relative resolution of the transverse momentum against the quoted formula."""
    figure, axes = _axes(r"transverse momentum $p_T$ [GeV]", r"$\sigma(p_T)/p_T$ [%]", log=True)
    scan = np.geomspace(0.1, 4.0, 12)
    config = as_record(BELLE2.tracker)
    for pdg, mass, name, colour in ((13, 0.10566, r"$\mu$", "C0"), (2212, 0.93827, "p", "C3")):
        points = []
        for pt in scan:
            _, seen = shoot(pdg, np.full(GUN_EVENTS, pt), np.full(GUN_EVENTS, np.pi / 2))
            points.append(_core_width(np.hypot(seen.tracks["px"], seen.tracks["py"]) / pt - 1))
        width, error = 100 * np.array(points).T
        axes.errorbar(
            scan,
            width,
            error,
            fmt="o",
            markersize=4,
            color=colour,
            label=f"{name}, simulated (68 % interval)",
        )
        grid = np.geomspace(0.1, 4.0, 200)
        quoted = [100 * momentum_resolution(config, pt, pt / np.hypot(pt, mass)) for pt in grid]
        axes.plot(grid, quoted, color=colour, lw=1, label=rf"{name}, $0.1\,\%\,p_T \oplus 0.3\,\%/\beta$")
    axes.set_ylim(0, 2.2)
    axes.legend()
    return figure


def impact_parameter_figure() -> Figure:
    """Resolution of both impact parameters at 90° against the quoted formula."""
    figure, axes = _axes(r"$p\beta$ [GeV]", "impact parameter resolution [µm]", log=True)
    tracker = BELLE2.tracker
    scan = np.geomspace(0.15, 4.0, 12)
    beta = scan / np.hypot(scan, 0.13957)
    grid = np.geomspace(scan[0] * beta[0], scan[-1] * beta[-1], 200)
    for name, constant, scattering, colour in (
        ("d0", tracker.d0_constant, tracker.d0_scattering, "C0"),
        ("z0", tracker.z0_constant, tracker.z0_scattering, "C1"),
    ):
        points = []
        for p in scan:
            _, seen = shoot(211, np.full(GUN_EVENTS, p), np.full(GUN_EVENTS, np.pi / 2))
            points.append(_core_width(seen.tracks[name]))
        width, error = 1e4 * np.array(points).T
        axes.errorbar(
            scan * beta, width, error, fmt="o", markersize=4, color=colour, label=f"{name}, simulated"
        )
        quoted = [1e4 * impact_resolution(constant, scattering, x, 1.0, 1.5) for x in grid]
        axes.plot(
            grid,
            quoted,
            color=colour,
            lw=1,
            label=rf"{name}, {1e4 * constant:.0f} µm $\oplus$ {1e4 * scattering:.0f} µm GeV/$p\beta$",
        )
    axes.set_ylim(0, None)
    axes.legend()
    return figure


def photon_resolution_figure() -> Figure:
    """Relative energy resolution of photons in three regions against the quoted formula."""
    figure, axes = _axes("photon energy [GeV]", r"$\sigma(E)/E$ [%]", log=True)
    scan = np.geomspace(0.1, 4.0, 11)
    for seed, (degrees, name) in enumerate(((22.0, "forward"), (80.0, "barrel"), (142.0, "backward"))):
        points = []
        for energy in scan:
            _, seen = shoot(
                22, np.full(GUN_EVENTS, energy), np.full(GUN_EVENTS, np.radians(degrees)), seed=seed
            )
            real = seen.clusters["particle"] >= 0
            points.append(_core_width(seen.clusters["energy"][real] / energy))
        width, error = 100 * np.array(points).T
        axes.errorbar(scan, width, error, fmt="o", markersize=4, label=f"{name}, simulated (68 % interval)")
    config = as_record(BELLE2.calorimeter)
    grid = np.geomspace(0.1, 4.0, 200)
    axes.plot(
        grid,
        [100 * energy_resolution(config, e) for e in grid],
        "k-",
        lw=1,
        label="quoted core, without leakage",
    )
    axes.set_ylim(0, None)
    axes.legend()
    return figure


def kaon_identification_figure() -> Figure:
    """Kaon efficiency and pion fake rate against momentum at K/(K+pi) > 0.5."""
    figure, axes = _axes("momentum [GeV]", "share with K/(K+π) > 0.5")
    edges = np.linspace(0.2, 4.0, 20)
    centres = 0.5 * (edges[1:] + edges[:-1])
    rng = np.random.default_rng(SEED + 2)
    for pdg, name, marker in ((321, "K: efficiency", "^"), (211, "π: fake rate", "s")):
        points = []
        for low, high in pairwise(edges):
            theta = np.arccos(rng.uniform(np.cos(np.radians(120)), np.cos(np.radians(35)), GUN_EVENTS))
            _, seen = shoot(pdg, rng.uniform(low, high, GUN_EVENTS), theta)
            ratio = seen.tracks["kaon"] / (seen.tracks["kaon"] + seen.tracks["pion"])
            points.append(_share(int((ratio > 0.5).sum()), len(ratio)))
        share, error = np.array(points).T
        axes.errorbar(centres, share, error, 0.5 * np.diff(edges), fmt=marker, markersize=4, label=name)
    axes.set_ylim(0, 1.05)
    axes.legend(title=r"tracks, $35° < \theta < 120°$", loc="center right")
    return figure


def mass_peaks_figure(events: Events) -> Figure:
    """Mass spectra of intermediate candidates in generated events, true ones marked."""
    figure = Figure(figsize=(9.0, 6.0), layout="constrained")
    numbers = np.arange(len(events))
    lists = combine(
        simulate(events, seed=SEED, event_numbers=numbers, detector=BELLE2), event_numbers=numbers
    )
    panels = (
        (PI0, "mass", r"$m(\gamma\gamma)$ [GeV]", (0.12, 0.145)),
        (KSHORT, "mass", r"$m(\pi^+\pi^-)$ [GeV], $K_S^0$", (0.485, 0.51)),
        (D0, "mass", r"$m$ [GeV], $D^0$", (1.83, 1.90)),
        (D_PLUS, "mass", r"$m$ [GeV], $D^+$", (1.835, 1.905)),
        (DSTAR_PLUS, "delta_mass", r"$\Delta m$ [GeV], $D^{*+}\to D^0\pi^+$", (0.14, 0.151)),
    )
    for i, (kind, field, label, window) in enumerate(panels):
        axes = figure.add_subplot(2, 3, i + 1)
        candidates = np.concatenate([lists.of(event, kind) for event in range(len(events))])
        true = candidates["matched"] == 1
        axes.hist(
            [candidates[field][~true], candidates[field][true]],
            bins=40,
            range=window,
            stacked=True,
            color=["0.8", "C0"],
            label=["combinations", "true"],
        )
        axes.set_xlabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.set_ylabel(f"candidates / {1e3 * (window[1] - window[0]) / 40:.2g} MeV")
        if i == 0:
            axes.set_ylim(0, 1.35 * axes.get_ylim()[1])
            axes.legend(loc="upper left", fontsize="small")
    return figure


def tag_figure(candidates: SkimCandidates, skim: str) -> Figure:
    """Mbc and Delta E of accepted B candidates, correct ones marked."""
    figure = Figure(figsize=(9.0, 4.0), layout="constrained")
    right = candidates.is_correct
    panels = (
        (candidates.values["mbc"], (5.24, 5.29), 50, r"$M_{\mathrm{bc}}$ [GeV]", 1e3, "MeV"),
        (candidates.values["delta_e"], (-0.2, 0.2), 50, r"$\Delta E$ [GeV]", 1e3, "MeV"),
    )
    for i, (values, window, bins, label, unit, name) in enumerate(panels):
        axes = figure.add_subplot(1, 2, i + 1)
        counts, edges, _ = axes.hist(
            [values[~right], values[right]],
            bins=bins,
            range=window,
            stacked=True,
            color=["0.8", "C0"],
            label=["wrong combinations", "correct B"],
        )
        total = counts[-1]
        centres = 0.5 * (edges[1:] + edges[:-1])
        axes.errorbar(centres, total, np.sqrt(total), fmt="none", ecolor="0.3", lw=0.8)
        axes.set_xlabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_ylabel(f"candidates / {unit * (window[1] - window[0]) / bins:.2g} {name}")
        axes.set_ylim(0, 1.35 * total.max())
        axes.legend(title=skim, loc="upper left")
    return figure


def draw_all(folder: Path, *, blocks: int = 8) -> list[Path]:
    """Draw every figure into ``folder``, from guns and ``blocks`` blocks of mixed events."""
    folder.mkdir(parents=True, exist_ok=True)
    events = Events.concatenate([generate_block("mixed", SEED, block) for block in range(blocks)])
    found = find_candidates(events, "hadronic_b0", seed=SEED, event_numbers=np.arange(len(events)))
    figures: dict[str, Callable[[], Figure]] = {
        "tracking_efficiency": tracking_efficiency_figure,
        "acceptance": acceptance_figure,
        "momentum_resolution": momentum_resolution_figure,
        "impact_parameter": impact_parameter_figure,
        "photon_resolution": photon_resolution_figure,
        "kaon_identification": kaon_identification_figure,
        "mass_peaks": lambda: mass_peaks_figure(events[:10_000]),
        "hadronic_tag": lambda: tag_figure(found, "hadronic_b0"),
    }
    paths = []
    for name, draw in figures.items():
        path = folder / f"detector_{name}.png"
        draw().savefig(path, dpi=130)
        paths.append(path)
    return paths


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    for path in draw_all(parser.parse_args().folder):
        print(path)


if __name__ == "__main__":
    main()

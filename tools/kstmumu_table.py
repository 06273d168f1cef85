"""Make the table of angular coefficients of B⁰ → K*⁰μ⁺μ⁻ that the package ships, from flavio.

Run once, in an environment of its own; the package does not need flavio:

    python -m venv flavio && flavio/bin/pip install flavio==2.7.1 particle==0.24.0
    flavio/bin/python tools/kstmumu_table.py

flavio: D. M. Straub, arXiv:1810.08132. Form factors: A. Bharucha, D. M. Straub, R. Zwicky, JHEP 08 (2016)
098, arXiv:1503.05534 (light-cone sum rules and lattice combined), as flavio ships them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import warnings
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import flavio
import numpy as np
from flavio.physics.bdecays.bvll.observables import BVllObservable

COEFFICIENTS = ("1s", "1c", "2s", "2c", "3", "4", "5", "6s", "6c", "7", "8", "9")
LHCB_FLIPS = ("4", "6s", "6c", "7", "9")  # LHCb, JHEP 02 (2016) 104, eq. (C.8) of arXiv:1506.03970
UNIT = 1e-8  # of dB/dq² [1/GeV²]
KNOTS = 552
BREAKS = (8.9, 9.0, 14.0)  # flavio's spectator scattering ends; its subleading parameters end and begin
NODES = (-2.0, 0.0, 2.0)  # ΔC9 at which the quadratic is laid through the theory
SCALE = 4.8  # GeV, where C9 is shifted
GROUPS = {"form factors": ("B->K* BSZ ", 6), "subleading": ("B0->K*0 delta", 10)}
EVERY = 4  # directions are smooth: every fourth knot


class Theory:
    """Angular coefficients of flavio for changed parameters."""

    def __init__(self) -> None:
        self.central = flavio.default_parameters.get_central_all()

    def coefficients(self, delta_c9: float, q_squared: np.ndarray, shifts: dict[str, float]) -> np.ndarray:
        """CP-averaged J_i times the lifetime in LHCb's convention, shape (12, q²), in :data:`UNIT`."""
        wilson = flavio.WilsonCoefficients()
        wilson.set_initial({"C9_bsmumu": delta_c9}, scale=SCALE)
        parameters = dict(self.central)
        for name, shift in shifts.items():
            parameters[name] += shift
        decay = BVllObservable("B0", "K*0", "mu", wilson, parameters)
        made = np.empty((len(COEFFICIENTS), len(q_squared)))
        for place, value in enumerate(q_squared):
            one, other = decay.j(value), decay.jbar(value)
            for row, name in enumerate(COEFFICIENTS):
                key = int(name) if name.isdigit() else name
                sign = -1.0 if name in LHCB_FLIPS else 1.0
                made[row, place] = sign * (one[key] + other[key]) / 2
        return made * parameters["tau_B0"] / UNIT

    def quadratic(self, q_squared: np.ndarray, shifts: dict[str, float]) -> np.ndarray:
        """The three coefficients in ΔC9 of every J_i, shape (12, q², 3)."""
        values = [self.coefficients(node, q_squared, shifts) for node in NODES]
        inverse = np.linalg.inv(np.vander(NODES, 3, increasing=True))
        return np.einsum("pn,niq->iqp", inverse, np.array(values))


def knots(low: float, high: float) -> np.ndarray:
    """q² of the table: close where the photon pole, the threshold and the endpoint bend the coefficients."""
    inner = np.linspace(0, 1, KNOTS - 2 * len(BREAKS) + 2)[1:-1]
    grid = low + (high - low) * np.sin(np.pi / 2 * inner**1.5) ** 2
    edges = [value for edge in BREAKS for value in (edge - 1e-5, edge + 1e-5)]
    # the end points themselves have no phase space, where flavio divides by zero
    return np.unique(np.concatenate([[low * (1 + 1e-9), high * (1 - 1e-9)], grid, edges]))


def directions(theory: Theory, q_squared: np.ndarray, central: np.ndarray) -> tuple[np.ndarray, list[dict]]:
    """The changes of the table along the directions that change the shape of the decay most.

    Each is +1σ of a combination of parameters; the combinations of a group are uncorrelated. Their order
    is that of the change of the coefficients, relative to the rate, without the change of the total rate,
    which a fit of shapes cannot see.
    """
    made, facts = [], []
    base = central[:, :, 0]
    rate = 1.5 * base[0] + 0.75 * base[1] - 0.5 * base[2] - 0.25 * base[3]
    width = np.gradient(q_squared)
    total = (rate * width).sum()
    for group, (prefix, count) in GROUPS.items():
        stored = flavio.default_parameters._parameters
        names = [name for name in stored if name.startswith(prefix)]
        covariance = np.zeros((len(names), len(names)))
        for row, one in enumerate(names):
            for column, other in enumerate(names):
                (place, constraint), (across, same) = stored[one], stored[other]
                if constraint is same:
                    full = getattr(constraint, "covariance", None)
                    covariance[row, column] = (
                        constraint.standard_deviation**2 if full is None else full[place, across]
                    )
        values, vectors = np.linalg.eigh(covariance)
        modes = vectors * np.sqrt(np.clip(values, 0, None))  # (parameter, uncorrelated unit variable)

        def change(step: np.ndarray, names: list[str] = names) -> tuple[np.ndarray, ...]:
            return tuple(
                theory.coefficients(0.0, q_squared, dict(zip(names, sign * step, strict=True)))
                for sign in (1, -1)
            )

        responses = []
        for mode in modes.T:
            up, down = change(mode)
            shift = (up - down) / 2
            moved = 1.5 * shift[0] + 0.75 * shift[1] - 0.5 * shift[2] - 0.25 * shift[3]
            shape = shift - base * (moved * width).sum() / total
            responses.append((shape * np.sqrt(width / np.clip(rate, 1e-6, None) / total)).ravel())
        left, size, _ = np.linalg.svd(np.array(responses), full_matrices=False)
        for k in range(count):
            step = modes @ left[:, k]
            shifts = [dict(zip(names, sign * step, strict=True)) for sign in (1, -1)]
            up, down = (theory.quadratic(q_squared, shift) for shift in shifts)
            made.append((up - down) / 2)
            facts.append(
                {
                    "group": group,
                    "share_of_variance": round(float(size[k] ** 2 / (size**2).sum()), 5),
                    "shift": {name: float(f"{value:.6g}") for name, value in shifts[0].items()},
                }
            )
            print(f"{group} {k + 1}: share {facts[-1]['share_of_variance']}", flush=True)
    return np.array(made), facts


def reference(q_squared: np.ndarray) -> dict[str, object]:
    """Observables as flavio computes them itself, at knots and between them."""
    names = {
        "afb": "AFB(B0->K*mumu)",
        "fl": "FL(B0->K*mumu)",
        "s5": "S5(B0->K*mumu)",
        "p5_prime": "P5p(B0->K*mumu)",
        "dbr_dq2": "dBR/dq2(B0->K*mumu)",
    }
    wanted = (0.1, 0.5, 1.1, 2.5, 4.3, 6.0, 8.0, 10.5, 12.5, 14.5, 16.0, 17.5, 18.9)
    at_knots = [float(q_squared[np.abs(q_squared - value).argmin()]) for value in wanted]
    between = [0.3, 1.7, 3.3, 5.1, 7.2, 15.2, 16.7, 18.2]
    shifts = [-2.0, -1.5, -0.8, 0.0, 0.55, 1.1]
    result: dict[str, object] = {
        "delta_c9": shifts,
        "q_squared_knots": at_knots,
        "q_squared_between": between,
    }
    for where, grid in (("knots", at_knots), ("between", between)):
        for name, observable in names.items():
            rows = []
            for shift in shifts:
                wilson = flavio.WilsonCoefficients()
                wilson.set_initial({"C9_bsmumu": shift}, scale=SCALE)
                rows.append([float(flavio.np_prediction(observable, wilson, value)) for value in grid])
            result[f"{name}_{where}"] = rows
    return result


def main() -> None:
    """Write table, provenance and reference values."""
    parser = argparse.ArgumentParser(description=__doc__)
    root = Path(__file__).resolve().parents[1]
    parser.add_argument("--out", type=Path, default=root / "src/hepsets/generate/kstmumu/table.npz")
    parser.add_argument("--reference", type=Path, default=root / "tests/generate/kstmumu/reference.json")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # flavio says in every call that 6 to 14 GeV² is not to be trusted

    theory = Theory()
    mass = {name: theory.central[f"m_{name}"] for name in ("B0", "K*0", "mu")}
    grid = knots(4 * mass["mu"] ** 2, (mass["B0"] - mass["K*0"]) ** 2)
    table = theory.quadratic(grid, {})
    check = theory.coefficients(0.77, grid, {})
    closure = np.abs(table @ [1, 0.77, 0.77**2] - check).max() / np.abs(check).max()
    print(f"{len(grid)} q² points, quadratic in ΔC9 to {closure:.1e}", flush=True)
    edges = [np.abs(grid - edge - side).argmin() for edge in BREAKS for side in (-1e-5, 1e-5)]
    chosen = np.unique([*range(0, len(grid), EVERY), len(grid) - 1, *edges])
    changes, facts = directions(theory, grid[chosen], table[:, chosen])
    np.savez_compressed(
        options.out,
        q_squared=grid,
        coefficients=table.astype(np.float32),
        direction_q_squared=grid[chosen],
        directions=changes.astype(np.float16),
    )
    provenance = {
        "what": "CP-averaged angular coefficients of B0 -> K*0 mu mu times the B0 lifetime, LHCb convention",
        "unit_per_gev2": UNIT,
        "coefficients": list(COEFFICIENTS),
        "shape": "coefficients[i, q², power of ΔC9]; directions[k, i, q², power]: change at +1σ",
        "delta_c9_nodes": list(NODES),
        "c9": f"flavio basis, C9_bsmumu shifted at {SCALE} GeV",
        "quadratic_closure": float(f"{closure:.2e}"),
        "masses_gev": mass,
        "tau_b0_per_gev": theory.central["tau_B0"],
        "flavio": version("flavio"),
        "wilson": version("wilson"),
        "numpy": version("numpy"),
        "python": sys.version.split()[0],
        "form_factors": "flavio's B->K* BSZ parameters (arXiv:1503.05534)",
        "directions": facts,
        "made": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": "python tools/kstmumu_table.py",
        "sha256": hashlib.sha256(options.out.read_bytes()).hexdigest(),
    }
    options.out.with_suffix(".json").write_text(json.dumps(provenance, indent=1, ensure_ascii=False) + "\n")
    options.reference.write_text(json.dumps(reference(grid)) + "\n")


if __name__ == "__main__":
    main()

"""Background to B⁰ → K*⁰μ⁺μ⁻: a smooth model of the candidates of generic B B̄ events, and samples from it.

Such candidates are rare, about one in a thousand events with the wide cuts of
:class:`~hepsets.select.kstmumu.candidates.CandidateCuts`, so that large samples need a model. Each column
has a smooth distribution of its own: Mbc an ARGUS function (H. Albrecht et al., Phys. Lett. B 241 (1990)
278) with a free power, the others a monotone cubic (F. N. Fritsch and R. E. Carlson, SIAM J. Numer. Anal. 17
(1980) 238) through a few quantiles. What binds the columns together is a mixture of normal distributions of
their normal scores. Conditions on Mbc are sampled exactly, those on ΔE, m(Kπ) and q² by rejection: the signal
region and the sideband are two cuts through one model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.optimize import minimize
from scipy.special import expit, logit, ndtr, ndtri

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.core.whole_file import whole_file
from hepsets.generate.beams import BeamConfig
from hepsets.generate.kstmumu.density import VARIABLES, WINDOWS, Window
from hepsets.generate.pythia import event_type
from hepsets.select.kstmumu.candidates import CandidateCuts
from hepsets.select.kstmumu.cuts import SELECTION, SelectionConfig, is_selected
from hepsets.simulate.kstmumu import CANDIDATE, CANDIDATE_COLUMNS, MEASURED

Floats = NDArray[np.float64]

MODEL_FILE = Path(__file__).with_name("background.npz")
"""The model of the package; its provenance lies beside it as JSON."""

COLUMNS = ("mbc", "delta_e", "m_kpi", *VARIABLES, *CANDIDATE_COLUMNS[3:])
"""The columns of the model, those that the regions are cut in first."""

VETOES = WINDOWS["0-20"].vetoes
"""Ranges of q² [GeV²] of J/ψ and ψ(2S): the model has nothing there."""

_LEVELS = np.concatenate(
    [
        [0, 0.003, 0.012, 0.035, 0.08, 0.15, 0.25, 0.37, 0.5],
        [0.63, 0.75, 0.85, 0.92, 0.965, 0.988, 0.997, 1],
    ]
)
"""Quantiles that a monotone cubic is laid through."""
_TABLE = 401  # points at which distributions are tabulated
_ATTEMPTS = 1 << 16  # at once: about four thousand of them are selected
_ROUNDING = 1e-6  # of scores: candidates so near to a cut are looked at once more
_STREAM = 0xB6D
_CLIP = 1e-6  # of probabilities of species


@dataclass(frozen=True, eq=False)
class BackgroundModel:
    """The joint distribution of a background candidate's columns.

    Parameters
    ----------
    values, levels
        For each of :data:`COLUMNS` a table of its (transformed) values, rising, and of the distribution
        function at them; shapes ``(n_columns, n_points)``.
    weights, means, covariances
        Of the normal distributions of the normal scores; shapes ``(k,)``, ``(k, n_columns)``,
        ``(k, n_columns, n_columns)``.
    generated
        Events that were generated, by sample.
    found
        Background candidates outside of the vetoes that they had, with the wide cuts, by sample.
    """

    values: Floats
    levels: Floats
    weights: Floats
    means: Floats
    covariances: Floats
    generated: Mapping[str, int]
    found: Mapping[str, int]

    def scores(self, frame: EventFrame) -> Floats:
        """Normal scores of candidates, shape ``(n_events, n_columns)``."""
        columns = _transformed(frame)
        levels = [np.interp(*each) for each in zip(columns.T, self.values, self.levels, strict=True)]
        return np.stack([_normal_score(level) for level in levels], axis=1)

    def cut_share(self, region: str, config: SelectionConfig = SELECTION, *, draws: int = 200_000) -> float:
        """Share of all candidates of the model that pass the selection in a region of Mbc.

        The part of Mbc is exact, the rest counted in ``draws`` candidates with a fixed seed.
        """
        chances, _ = self._mbc_chances(region, config)
        rng = np.random.default_rng(0)
        passed = len(self._attempt(rng, draws, region, WINDOWS["0-20"], config))
        return float(chances.sum()) * passed / draws

    def _mbc_chances(self, region: str, config: SelectionConfig) -> tuple[Floats, Floats]:
        """Probability to come from each component and lie in the region; Φ at its ends, shape (k, 2)."""
        low, high = config.mbc_range(region)
        ends = np.interp([low, min(high, self.values[0, -1])], self.values[0], self.levels[0])
        spread = np.sqrt(self.covariances[:, 0, 0])
        with np.errstate(divide="ignore"):
            limits = ndtr((ndtri(ends)[None, :] - self.means[:, :1]) / spread[:, None])
        return self.weights * (limits[:, 1] - limits[:, 0]), limits

    def _attempt(
        self, rng: np.random.Generator, n: int, region: str, window: Window, config: SelectionConfig
    ) -> EventFrame:
        """Draw ``n`` candidates with Mbc in the region; return those that are selected."""
        chances, limits = self._mbc_chances(region, config)
        counts = rng.multinomial(n, chances / chances.sum())
        roots = np.linalg.cholesky(self.covariances)
        middles, half = (0.0, config.kstar_mass), (config.max_delta_e, config.kstar_window)
        ends = [
            ndtri(np.interp([middle - width, middle + width], self.values[column], self.levels[column]))
            for column, (middle, width) in enumerate(zip(middles, half, strict=True), start=1)
        ]
        parts = []
        for count, mean, root, (low, high) in zip(counts, self.means, roots, limits, strict=True):
            share = low + rng.random(count) * (high - low)
            draws = ndtri(np.clip(share, 1e-12, 1 - 1e-12))[None]
            # one column after the other is drawn, only for those that are not cut away by the last
            for column, (least, most) in enumerate(ends, start=1):
                draws = np.vstack([draws, rng.standard_normal(draws.shape[1])])
                score = mean[column] + root[column, : column + 1] @ draws
                draws = draws[:, (score > least - _ROUNDING) & (score < most + _ROUNDING)]
            rest = rng.standard_normal((len(COLUMNS) - len(draws), draws.shape[1]))
            parts.append(mean[:, None] + root @ np.vstack([draws, rest]))
        values = np.concatenate(parts, axis=1)
        values = values[:, rng.permutation(values.shape[1])]
        for row, levels, points in zip(values, self.levels, self.values, strict=True):
            row[:] = np.interp(ndtr(row), levels, points)
        frame = _frame(values, rng)
        kept: EventFrame = frame[is_selected(frame, window, region=region, config=config)]
        return kept

    def save(self, path: str | Path) -> None:
        """Write the model as a file of numbers, whole or not at all."""
        with whole_file(path) as partial, partial.open("wb") as file:
            np.savez_compressed(
                file,
                ends=self.values[:, [0, -1]],
                levels=self.levels.astype(np.float32),
                weights=self.weights,
                means=self.means,
                covariances=self.covariances,
                samples=np.array(list(self.generated)),
                generated=np.array(list(self.generated.values())),
                found=np.array([self.found[name] for name in self.generated]),
            )

    @classmethod
    def load(cls, path: str | Path) -> BackgroundModel:
        """Read what :meth:`save` wrote; reading never executes code from the file.

        Raises
        ------
        InputError
            If the file is missing or no such model.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                stored = {name: file[name] for name in file.files}
            samples = [str(name) for name in stored.pop("samples")]
            counts = {
                name: dict(zip(samples, map(int, stored.pop(name)), strict=True))
                for name in ("generated", "found")
            }
            values = _grids(stored.pop("ends"))
            levels = stored.pop("levels").astype(np.float64)
            model = cls(values, levels, **stored, generated=counts["generated"], found=counts["found"])
            shapes = model.values.shape, model.levels.shape, model.means.shape[1:]
        except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
            raise InputError(f"{path} holds no background model ({error})", "a file of save()") from error
        if shapes != ((len(COLUMNS), _TABLE), (len(COLUMNS), _TABLE), (len(COLUMNS),)):
            raise InputError(f"{path} has a model of other columns", "a file of this version's save()")
        if not all(np.isfinite(array).all() for array in (model.values, model.levels, *stored.values())):
            raise InputError(f"{path} holds numbers that are not finite", "a file of this version's save()")
        return model


@lru_cache(maxsize=1)
def default_background() -> BackgroundModel:
    """The model of the package."""
    return BackgroundModel.load(MODEL_FILE)


def sample_background(
    n: int,
    seed: int,
    *,
    region: str = "signal",
    window: Window = WINDOWS["0-20"],
    config: SelectionConfig = SELECTION,
    model: BackgroundModel | None = None,
) -> EventFrame:
    """Exactly ``n`` selected background candidates; fewer of the same seed are the first of more.

    Parameters
    ----------
    n
        How many.
    seed
        Not negative.
    region
        ``"signal"`` or ``"sideband"`` of Mbc.
    window
        Of q²; the vetoes of J/ψ and ψ(2S) are always left out.
    config
        The selection; it must lie within the wide cuts of the model.
    model
        By default that of the package.

    Returns
    -------
    EventFrame
        The columns of a candidate, ``is_signal`` (False) and ``truth_…`` of the four variables (NaN).

    Raises
    ------
    InputError
        For less than one candidate or a negative seed, and for cuts that the model does not cover.
    """
    if n < 1 or seed < 0:
        raise InputError(f"{n} candidates with seed {seed}", "at least one; no negative seed")
    _check_covered(config)
    model = model or default_background()
    rng = np.random.default_rng([seed, _STREAM, region == "sideband"])
    parts: list[EventFrame] = []
    kept = 0
    while kept < n:
        part = model._attempt(rng, _ATTEMPTS, region, window, config)
        if not len(part):
            raise InputError(f"no background passes within {window}", "a selection that leaves some")
        parts.append(part)
        kept += len(part)
    sample: EventFrame = EventFrame.concatenate(parts)[:n]
    truth = {f"truth_{name}": np.full(n, np.nan) for name in VARIABLES}
    return sample.with_columns(is_signal=np.zeros(n, dtype=bool), **truth)


def fit_background(
    candidates: EventFrame, generated: Mapping[str, int], *, components: int = 8, seed: int = 0
) -> BackgroundModel:
    """Fit the model to candidates of generic events.

    Parameters
    ----------
    candidates
        As of :func:`~hepsets.select.kstmumu.candidates.generic_candidates`, of all samples together; those
        with ``is_signal`` and those in the vetoes are left out.
    generated
        Events that were generated for them, by sample.
    components
        Number of normal distributions.
    seed
        Of where the fit begins.

    Raises
    ------
    InputError
        If there are fewer than 50 candidates for each component.
    """
    from sklearn.mixture import GaussianMixture  # only whoever fits needs it, and it loads slowly

    vetoed = ~Window(0.0, 30.0, VETOES).contains(candidates["q_squared"])
    background: EventFrame = candidates[~(candidates["is_signal"] | vetoed)]
    if len(background) < 50 * components:
        raise InputError(
            f"{len(background)} candidates", f"at least {50 * components}", "generate more events"
        )
    columns = _transformed(background)
    tables = [_tabulate(name, column) for name, column in zip(COLUMNS, columns.T, strict=True)]
    ends, levels = (np.stack(each) for each in zip(*tables, strict=True))
    values, levels = _grids(ends), levels.astype(np.float32).astype(np.float64)  # as they are stored
    scores = np.stack(
        [_normal_score(np.interp(*each)) for each in zip(columns.T, values, levels, strict=True)], axis=1
    )
    mixture = GaussianMixture(components, reg_covar=1e-3, n_init=3, max_iter=500, random_state=seed).fit(
        scores
    )
    found = {name: int((background["event_type"] == event_type(name)).sum()) for name in generated}
    return BackgroundModel(
        values, levels, mixture.weights_, mixture.means_, mixture.covariances_, dict(generated), found
    )


# -- columns -----------------------------------------------------------------------------------------


def _supports() -> dict[str, tuple[float, float]]:
    """Known ends of the (transformed) columns; the others end where the candidates do."""
    cuts = CandidateCuts()
    half = BeamConfig().energy / 2
    return {
        "mbc": (cuts.min_mbc, half),
        "delta_e": (-cuts.max_delta_e, cuts.max_delta_e),
        "m_kpi": (cuts.kstar_mass - cuts.kstar_window, cuts.kstar_mass + cuts.kstar_window),
        "costheta_mu": (-1.0, 1.0),
        "costheta_K": (-1.0, 1.0),
        "chi": (-math.pi, math.pi),
    }


def _is_logarithmic(name: str) -> bool:
    return name == "vertex_chi2" or name.startswith(("dr_", "momentum_"))


def _transformed(frame: EventFrame) -> Floats:
    """Logarithms and logits where they are smoother; q² without the vetoes."""
    columns = []
    for name in COLUMNS:
        column = np.asarray(frame[name], dtype=np.float64)
        if _is_logarithmic(name):
            column = np.log(np.maximum(column, 1e-6))
        elif name.startswith("identification_"):
            column = logit(np.clip(column, _CLIP, 1 - _CLIP))
        elif name == "q_squared":
            column = _close_gaps(column)
        columns.append(column)
    return np.stack(columns, axis=1)


def _close_gaps(q_squared: Floats) -> Floats:
    return q_squared - sum(np.clip(q_squared - low, 0, high - low) for low, high in VETOES)


def _open_gaps(closed: Floats) -> Floats:
    opened = closed.copy()
    for low, high in VETOES:  # in order, so that each edge is already where it was
        opened[opened > low] += high - low
    return opened


def _frame(columns: Floats, rng: np.random.Generator) -> EventFrame:
    """Candidates from rows of (transformed) columns."""
    made: dict[str, NDArray[Any]] = {}
    for name, column in zip(COLUMNS, columns, strict=True):
        if _is_logarithmic(name):
            column = np.exp(column)
        elif name.startswith("identification_"):
            column = expit(column)
        elif name == "q_squared":
            column = _open_gaps(column)
        made[name] = column.astype(CANDIDATE[name])
    made["flavour"] = rng.choice(np.array([1, -1], dtype=np.int8), columns.shape[1])
    return EventFrame({name: made[name] for name in (*MEASURED, "flavour", *CANDIDATE_COLUMNS)})


# -- distributions of single columns --------------------------------------------------------------------


def _normal_score(level: Floats) -> Floats:
    return np.asarray(ndtri(np.clip(level, 1e-4, 1 - 1e-4)))


def _grids(ends: Floats) -> Floats:
    """Evenly spaced values between the ends, shape ``(n_columns, n_points)``."""
    return np.linspace(ends[:, 0], ends[:, 1], _TABLE, axis=1)


def _tabulate(name: str, column: Floats) -> tuple[Floats, Floats]:
    """Ends of the values and the smooth distribution function, evenly between them."""
    low, high = _supports().get(name, (float(column.min()), float(column.max())))
    ends, grid = np.array([low, high]), np.linspace(low, high, _TABLE)
    if name == "mbc":
        return ends, _argus(column, grid)
    knots = np.quantile(column, _LEVELS)
    knots[0], knots[-1] = low, high
    knots, places = np.unique(knots, return_index=True)  # a column may have many equal values
    return ends, np.asarray(PchipInterpolator(knots, _LEVELS[places])(grid))


def _argus(mbc: Floats, grid: Floats) -> Floats:
    """Distribution function on the grid of the ARGUS function that is likeliest for the candidates.

    ∝ m (1 − m²/m₀²)^p exp(c (1 − m²/m₀²)); m₀, half of the collision's energy, is the end of the grid.
    """
    fine = np.linspace(grid[0], grid[-1], 20 * len(grid))
    middles = (fine[1:] + fine[:-1]) / 2

    def log_density(m: Floats, shape: Floats) -> Floats:
        room = np.maximum(1 - (m / grid[-1]) ** 2, 1e-12)
        return np.asarray(np.log(m) + shape[0] * np.log(room) + shape[1] * room)

    def loss(shape: Floats) -> float:
        whole = np.exp(log_density(middles, shape)).sum() * (fine[1] - fine[0])
        return float(np.log(whole) - log_density(mbc, shape).mean())

    found = minimize(loss, np.array([0.5, -1.0]), method="L-BFGS-B", bounds=[(0.05, 3.0), (-60.0, 60.0)])
    cumulative = np.concatenate([[0.0], np.cumsum(np.exp(log_density(middles, found.x)))])
    return np.asarray(np.interp(grid, fine, cumulative / cumulative[-1]))


def _check_covered(config: SelectionConfig) -> None:
    wide = CandidateCuts()
    narrower = (
        config.min_muon_momentum >= wide.min_muon_momentum,
        config.max_delta_e <= wide.max_delta_e,
        abs(config.kstar_mass - wide.kstar_mass) + config.kstar_window <= wide.kstar_window + 1e-9,
        config.min_muon >= wide.min_muon,
        config.min_kaon >= wide.min_kaon,
        config.min_pion >= wide.min_pion,
        config.max_dr <= wide.max_dr,
        config.max_dz <= wide.max_dz,
        config.sideband[0] >= wide.min_mbc,
    )
    if not all(narrower):
        raise InputError(f"{config}", f"a selection within {wide}", "fit a model with wider cuts")

"""What a flavour tagger is worth: effective tagging efficiency, wrong tags in bins, calibration.

A tagger says r = q (1 − 2w) in [−1, 1] of each B: q = ±1 is the flavour that it takes it for, w the
probability to be wrong. An asymmetry measured with its tags has the error that ε_eff = Σ ε_i (1 − 2 w_i)²
as many perfect tags would give.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured

EDGES = (0.0, 0.1, 0.25, 0.5, 0.625, 0.75, 0.875, 1.0)
"""Edges of the seven bins of |r| that Belle and Belle II use (Eur. Phys. J. C 82 (2022) 283)."""

BOOTSTRAPS = 100
"""Samples that errors are taken from."""


@dataclass(frozen=True, eq=False)
class TaggedSample:
    """Tags of B whose flavour is known.

    Parameters
    ----------
    q
        True flavours, 1 or −1, shape ``(n,)``.
    r
        What the tagger says, in [−1, 1], shape ``(n,)``.
    group
        What belongs together, such as both B of one event: drawn together in bootstraps; shape ``(n,)``. Each
        is its own by default.

    Raises
    ------
    InputError
        For flavours or tags that cannot be, or none.
    """

    q: NDArray[np.integer]
    r: NDArray[np.floating]
    group: NDArray[np.integer] | None = field(default=None)

    def __post_init__(self) -> None:
        if not len(self.q) or not np.isin(self.q, (-1, 1)).all():
            raise InputError(
                "flavours that are not all 1 or -1, or none", "1 for B0, -1 for its antiparticle"
            )
        if np.shape(self.r) != np.shape(self.q) or not (np.abs(self.r) <= 1).all():
            raise InputError("tags outside [-1, 1], or not one for each flavour", "r = q (1 - 2w)")

    def __len__(self) -> int:
        return len(self.q)

    def __getitem__(self, which: NDArray[np.generic]) -> TaggedSample:
        """Some of them, by mask or places, shape ``(n_chosen,)``."""
        return TaggedSample(self.q[which], self.r[which], None if self.group is None else self.group[which])

    @property
    def right(self) -> NDArray[np.float64]:
        """1 where the tag is right, −1 where it is wrong, 0 where it says nothing; shape ``(n,)``."""
        return np.asarray(np.sign(self.r) * self.q, dtype=np.float64)


@dataclass(frozen=True)
class TagBin:
    """One bin of |r|.

    Parameters
    ----------
    low, high
        Its edges.
    share
        Share ε of all B that are in it.
    wrong
        Share w of these whose tag is wrong.
    predicted
        The mean w that the tagger claims.
    difference
        Δw: w of true B⁰ minus w of true B̄⁰.
    share_difference
        (ε of true B⁰ − ε of true B̄⁰) over their sum.
    """

    low: float
    high: float
    share: Measured
    wrong: Measured
    predicted: float
    difference: Measured
    share_difference: Measured


@dataclass(frozen=True)
class TaggingPower:
    """Effective tagging efficiency of one tagger.

    Parameters
    ----------
    binned
        Σ ε_i (1 − 2 w_i)² in bins of |r| with the w that truth has; error by bootstrap.
    binomial_se
        The same error by propagation.
    integral
        Mean r²: what it is if the tagger is calibrated.
    difference
        Σ ε_i (1 − 2 w_i)² of true B⁰ minus that of true B̄⁰.
    bins
        The bins.
    """

    binned: Measured
    binomial_se: float
    integral: Measured
    difference: Measured
    bins: tuple[TagBin, ...]


@dataclass(frozen=True)
class WrongTagLine:
    """The true share w of wrong tags as a line of the claimed one η: w = ⟨η⟩ + offset + slope (η − ⟨η⟩).

    Parameters
    ----------
    offset, slope
        0 and 1 of a tagger that is calibrated.
    mean
        ⟨η⟩.
    difference
        Difference of the offsets of true B⁰ and B̄⁰.
    """

    offset: Measured
    slope: Measured
    mean: float
    difference: Measured


def tagging_power(sample: TaggedSample, *, seed: int = 0) -> TaggingPower:
    """Measure the effective tagging efficiency.

    (1 − 2w)² of a bin of n tags is too large by 4 w (1 − w)/n on average, which is taken off.

    Parameters
    ----------
    sample
        The tags.
    seed
        Of the bootstrap.
    """
    place = _bins(sample.r)
    value, variance = _power(place, sample.right, np.ones(len(sample)))
    drawn = [_power(place, sample.right, weight)[0] for weight in _bootstrap_counts(sample, seed)]
    spread = np.std(drawn, ddof=1)
    of_flavour = [_power(place[sample.q == sign], sample.right[sample.q == sign]) for sign in (1, -1)]
    difference = Measured(0.0, 0.0)
    if all(np.isfinite(one[0]) for one in of_flavour):
        difference = Measured(
            of_flavour[0][0] - of_flavour[1][0], float(np.sqrt(of_flavour[0][1] + of_flavour[1][1]))
        )
    squared = sample.r.astype(np.float64) ** 2
    return TaggingPower(
        Measured(value, float(spread)),
        float(np.sqrt(variance)),
        Measured(float(squared.mean()), float(squared.std() / np.sqrt(len(squared)))),
        difference,
        tuple(_bin(sample, place == number, number) for number in range(len(EDGES) - 1)),
    )


def power_difference(one: TaggedSample, other: TaggedSample, *, seed: int = 0) -> Measured:
    """How much greater the effective efficiency of one tagger is than that of another on the same B.

    The error is of the same bootstraps of both, so what they have in common drops out.

    Raises
    ------
    InputError
        If these are not the same B.
    """
    if not np.array_equal(one.q, other.q):
        raise InputError("tags of different B", "both taggers' tags of the same ones")
    places = _bins(one.r), _bins(other.r)
    drawn = [
        _power(places[0], one.right, weight)[0] - _power(places[1], other.right, weight)[0]
        for weight in _bootstrap_counts(one, seed)
    ]
    value = _power(places[0], one.right)[0] - _power(places[1], other.right)[0]
    return Measured(value, float(np.std(drawn, ddof=1)))


def wrong_tag_line(sample: TaggedSample) -> WrongTagLine:
    """Fit the line of wrong tags by least squares, each tag weighted by its claimed variance.

    Errors are those of a binomial with the fitted w, so they hold for calibrated and other taggers alike.
    """
    eta = (1 - np.abs(sample.r.astype(np.float64))) / 2
    wrong = (1 - sample.right) / 2
    mean = float(eta.mean())
    found = _line(eta - mean, wrong, eta)
    parts = [_line(eta[mask] - mean, wrong[mask], eta[mask]) for mask in (sample.q == 1, sample.q == -1)]
    return WrongTagLine(
        Measured(found[0].value - mean, found[0].se),
        found[1],
        mean,
        Measured(parts[0][0].value - parts[1][0].value, float(np.hypot(parts[0][0].se, parts[1][0].se))),
    )


def power_of_states(states: NDArray[np.integer], q: NDArray[np.integer]) -> Measured:
    """Effective tagging efficiency of the best use of a few discrete facts about each B.

    Parameters
    ----------
    states
        Number of the state, its sign turned over for the conjugate; 0 tells nothing. Shape ``(n,)``.
    q
        True flavours, shape ``(n,)``.
    """
    size, right = np.abs(states), np.sign(states) * q
    _, place = np.unique(size[size > 0], return_inverse=True)
    value, variance = _power(place, right[size > 0].astype(np.float64), total=len(q))
    return Measured(value if len(place) else 0.0, float(np.sqrt(variance)) if len(place) else 0.0)


def power_steps(
    facts: Sequence[NDArray[np.integer]], sample: TaggedSample, *, seed: int = 0
) -> tuple[Measured, ...]:
    """What is lost of the effective efficiency from each list of facts to the next, then to a tagger.

    Errors are of the same bootstraps of all, so what they have in common drops out.

    Parameters
    ----------
    facts
        States as of :func:`power_of_states`, of the same B as the tags, each of shape ``(n,)``.
    sample
        The tags of the tagger.
    seed
        Of the bootstrap.

    Returns
    -------
    tuple
        One loss for each list; they add up to the power of the first one minus that of the tagger.

    Examples
    --------
    >>> q = np.tile([1, -1], 200)
    >>> always_right = TaggedSample(q, 0.9 * q)
    >>> [one.value for one in power_steps([q, q * (np.arange(400) < 300)], always_right)]
    [0.25, -0.25]
    """
    q, places = sample.q, []
    for states in facts:
        size = np.abs(states)
        _, place = np.unique(size[size > 0], return_inverse=True)
        places.append((np.flatnonzero(size), place, (np.sign(states) * q)[size > 0].astype(np.float64)))
    places.append((np.arange(len(q)), _bins(sample.r), sample.right))

    def losses(weight: NDArray[np.float64]) -> NDArray[np.float64]:
        powers = [
            _power(place, right, weight[which], float(weight.sum()))[0] for which, place, right in places
        ]
        return -np.diff(np.nan_to_num(powers))  # no state that tells anything: no power

    drawn = np.array([losses(weight) for weight in _bootstrap_counts(sample, seed)])
    found = losses(np.ones(len(q)))
    return tuple(Measured(float(a), float(b)) for a, b in zip(found, drawn.std(0, ddof=1), strict=True))


# -- inside ----------------------------------------------------------------------------------------


def _bins(r: NDArray[np.floating]) -> NDArray[np.int64]:
    return np.asarray(np.digitize(np.abs(r), EDGES[1:-1]), dtype=np.int64)


def _power(
    place: NDArray[np.int64],
    right: NDArray[np.float64],
    weight: NDArray[np.float64] | None = None,
    total: float | None = None,
) -> tuple[float, float]:
    """Σ ε (1 − 2w)² over bins, unbiased, and its variance; NaN of nothing."""
    weight = np.ones(len(place)) if weight is None else weight
    n = np.bincount(place, weight)
    there = n > 1
    everything = weight.sum() if total is None else total
    if not there.any() or not everything:
        return float("nan"), float("nan")
    dilution = np.bincount(place, weight * right)[there] / n[there]
    n = n[there]
    spread = (1 - dilution**2) / (n - 1)
    share = n / everything
    value = float((share * (dilution**2 - spread)).sum())
    of_dilution = (share * 2 * dilution) ** 2 * spread
    of_share = ((share * dilution**4).sum() - value**2) / everything
    return value, float(of_dilution.sum() + max(of_share, 0))


def _bootstrap_counts(sample: TaggedSample, seed: int) -> Iterator[NDArray[np.float64]]:
    """How often each tag is drawn, shape ``(n,)``, bootstrap by bootstrap."""
    rng = np.random.default_rng([seed, 0xB0])
    group = np.arange(len(sample)) if sample.group is None else sample.group
    groups, place = np.unique(group, return_inverse=True)
    for _ in range(BOOTSTRAPS):
        yield rng.poisson(1.0, len(groups)).astype(np.float64)[place]


def _bin(sample: TaggedSample, inside: NDArray[np.bool_], number: int) -> TagBin:
    n, total = int(inside.sum()), len(sample)
    wrong = (1 - sample.right) / 2
    of_flavour = [(inside & (sample.q == sign), int((sample.q == sign).sum())) for sign in (1, -1)]
    shares = [Measured.proportion(int(mask.sum()), max(n_q, 1)) for mask, n_q in of_flavour]
    both = max(shares[0].value + shares[1].value, 1e-12)
    nothing = Measured(float("nan"), float("nan"))
    difference = nothing
    if all(mask.any() for mask, _ in of_flavour):
        parts = [_mean(wrong[mask]) for mask, _ in of_flavour]
        difference = Measured(parts[0].value - parts[1].value, float(np.hypot(parts[0].se, parts[1].se)))
    return TagBin(
        EDGES[number],
        EDGES[number + 1],
        Measured.proportion(n, total),
        _mean(wrong[inside]) if n else nothing,
        float((1 - np.abs(sample.r[inside])).mean() / 2) if n else float("nan"),
        difference,
        Measured(
            (shares[0].value - shares[1].value) / both, float(np.hypot(shares[0].se, shares[1].se)) / both
        ),
    )


def _mean(values: NDArray[np.float64]) -> Measured:
    """Mean of shares of wrong tags, with the error of a binomial of at least half a tag."""
    n, mean = len(values), float(values.mean())
    at_least = min(max(mean, 0.5 / n), 1 - 0.5 / n)
    return Measured(mean, float(np.sqrt(at_least * (1 - at_least) / n)))


def _line(
    x: NDArray[np.float64], wrong: NDArray[np.float64], eta: NDArray[np.float64]
) -> tuple[Measured, Measured]:
    """Offset and slope of the share of wrong tags against x."""
    if len(x) < 3 or np.ptp(x) == 0:
        nothing = Measured(float("nan"), float("nan"))
        return nothing, nothing
    weight = 1 / np.clip(eta * (1 - eta), 1e-3, None)
    design = np.column_stack([np.ones(len(x)), x])
    normal = np.linalg.inv((design * weight[:, None]).T @ design)
    found = normal @ (design * weight[:, None]).T @ wrong
    fitted = np.clip(design @ found, 1e-4, 1 - 1e-4)
    middle = (design * (weight**2 * fitted * (1 - fitted))[:, None]).T @ design
    covariance = normal @ middle @ normal
    return tuple(  # type: ignore[return-value]  # two of them
        Measured(float(found[k]), float(np.sqrt(covariance[k, k]))) for k in range(2)
    )

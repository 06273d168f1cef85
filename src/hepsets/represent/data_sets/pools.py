"""Sets of decays that share one ΔC9: drawn from a pool with replacement, or with no event in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.core.ragged import checked_offsets, choose
from hepsets.generate.kstmumu.density import VARIABLES

Background = Literal["fixed", "poisson"]


@dataclass(frozen=True, eq=False)
class EventSets:
    """Sets of events as numbers of the events of one frame, so that sets may share them.

    Parameters
    ----------
    frame
        The events.
    members
        Event numbers, the members of all sets end to end.
    offsets
        int64, shape ``(n_sets + 1,)``: set ``i`` owns ``members[offsets[i]:offsets[i + 1]]``.
    delta_c9
        True value of each set, NaN where nobody knows it.
    """

    frame: EventFrame
    members: NDArray[np.int64]
    offsets: NDArray[np.int64]
    delta_c9: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, which: slice | NDArray[Any]) -> EventSets:
        """Some of the sets, by slice, mask or numbers."""
        chosen = choose(self.offsets, which)
        return EventSets(
            self.frame, self.members[chosen.particles], chosen.offsets, self.delta_c9[chosen.events]
        )

    def joined(self, number: int) -> EventSets:
        """Each ``number`` neighbouring sets as one, which has the ΔC9 of the first; a rest is left out."""
        used = len(self) // number * number
        offsets = self.offsets[: used + 1 : number]
        return EventSets(self.frame, self.members[: offsets[-1]], offsets, self.delta_c9[:used:number])

    def packed(self) -> tuple[EventFrame, NDArray[np.int64]]:
        """The events of all sets end to end, as often as sets hold them; offsets ``(n_sets + 1,)``."""
        return self.frame[self.members], self.offsets


def whole_sets(frame: EventFrame, offsets: NDArray[Any]) -> EventSets:
    """The sets of a frame whose events lie set by set, with offsets of shape ``(n_sets + 1,)``.

    Raises
    ------
    InputError
        For offsets that do not rise from 0 to the number of events.
    """
    offsets = checked_offsets(offsets)
    if offsets[-1] != len(frame):
        raise InputError(f"offsets up to {offsets[-1]}", f"{len(frame)}, the number of events")
    return EventSets(frame, np.arange(len(frame)), offsets, np.full(len(offsets) - 1, np.nan))


def bootstrapped_sets(
    frame: EventFrame, size: int, n: int, seed: int, *, background: Background = "fixed"
) -> EventSets:
    """For each ΔC9, sets of events that are drawn with replacement from all events of that ΔC9.

    All sets of one ΔC9 share the pool's own fluctuation: their spread says nothing about it, and
    their mean is off by it. Use :func:`disjoint_sets` to judge an estimator.

    Parameters
    ----------
    frame
        The pools: column ``delta_c9``, and ``is_signal`` where there is background (which belongs to
        the ΔC9 in its own ``delta_c9``, or is shared out if that is NaN).
    size
        Signal events per set.
    n
        Sets per ΔC9.
    seed
        Seed of the draw.
    background
        ``"fixed"``: as many background events in each set as the pool has per ``size`` signal events;
        ``"poisson"``: that many on average.

    Returns
    -------
    EventSets
        Sets in order of ΔC9.

    Raises
    ------
    InputError
        If ``size`` or ``n`` is not positive, or the frame has no signal.
    """
    if size < 1 or n < 1:
        raise InputError(f"{n} sets of {size} events", "at least one of each")
    members, counts, values = [], [], []
    for number, pool in enumerate(_pools(frame)):
        rng = np.random.default_rng([seed, number])
        expected = size * len(pool.background) / len(pool.signal)
        more = rng.poisson(expected, n) if background == "poisson" else np.full(n, round(expected))
        for extra in more:
            members.append(pool.signal[rng.integers(len(pool.signal), size=size)])
            if extra:
                members.append(pool.background[rng.integers(len(pool.background), size=extra)])
        counts.append(size + more)
        values.append(np.full(n, pool.delta_c9))
    return _sets(frame, members, counts, values)


def disjoint_sets(
    frame: EventFrame, size: int, *, background: Background = "fixed", seed: int = 0
) -> EventSets:
    """For each ΔC9, as many sets of ``size`` signal events as there are, with no event in two sets.

    Parameters
    ----------
    frame, size
        As for :func:`bootstrapped_sets`. Events are taken in their order.
    background
        ``"fixed"``: the same number of background events in each set, in their order; ``"poisson"``:
        each background event goes into a set by chance, so that numbers fluctuate.
    seed
        Seed of that chance.

    Returns
    -------
    EventSets
        Sets in order of ΔC9. Events that fill no set are left out.

    Raises
    ------
    InputError
        If ``size`` is not positive, or not even one set can be filled.
    """
    if size < 1:
        raise InputError(f"sets of {size} events", "at least one event")
    members, counts, values = [], [], []
    for number, pool in enumerate(_pools(frame)):
        n = len(pool.signal) // size
        if n == 0:
            continue
        share = pool.background[: round(n * size * len(pool.background) / len(pool.signal))]
        if background == "poisson":
            rng = np.random.default_rng([seed, number])
            home = rng.integers(n, size=len(share))
        else:
            share = share[: len(share) // n * n]
            home = np.repeat(np.arange(n), len(share) // n)
        more = np.bincount(home, minlength=n)
        ends = np.cumsum(more)
        sorted_share = share[np.argsort(home, kind="stable")]
        for which in range(n):
            members.append(pool.signal[which * size : (which + 1) * size])
            members.append(sorted_share[ends[which] - more[which] : ends[which]])
        counts.append(size + more)
        values.append(np.full(n, pool.delta_c9))
    if not members:
        raise InputError(
            f"no ΔC9 with as many as {size} signal events", "at least one full set", "give more events"
        )
    return _sets(frame, members, counts, values)


def split_pools(frame: EventFrame, fraction: float, seed: int) -> tuple[EventFrame, EventFrame]:
    """Two frames without a common event: of each ΔC9, signal and background alike, a random ``fraction``
    of the events is in the second one.

    Raises
    ------
    InputError
        If a ΔC9 has too few signal events for both.
    """
    second = np.zeros(len(frame), dtype=bool)
    for number, pool in enumerate(_pools(frame)):
        rng = np.random.default_rng([seed, number])
        for events in (pool.signal, pool.background):
            second[rng.permutation(events)[: round(len(events) * fraction)]] = True
        if second[pool.signal].all() or not second[pool.signal].any():
            raise InputError(
                f"{len(pool.signal)} events of ΔC9 = {pool.delta_c9:g} to split, {fraction:g} of them off",
                "at least one in each part",
                "give more events",
            )
    return frame[~second], frame[second]


def variable_matrix(frame: EventFrame) -> NDArray[np.float32]:
    """The four variables of each event, q², cos θ_μ, cos θ_K and χ, float32, shape ``(n_events, 4)``.

    Raises
    ------
    InputError
        If one is missing, not finite, or no cosine or angle can have that value.
    """
    matrix = np.stack([frame[name] for name in VARIABLES], axis=1).astype(np.float32)
    for name, column, largest in zip(VARIABLES, matrix.T, (np.inf, 1.0, 1.0, np.pi), strict=True):
        bad = ~np.isfinite(column) | (np.abs(column) > largest * (1 + 1e-6))
        if bad.any():
            raise InputError(
                f"{name} = {column[bad][0]:g} in event {np.flatnonzero(bad)[0]}",
                "finite numbers" if np.isinf(largest) else f"numbers from {-largest:.4g} to {largest:.4g}",
                "drop such events",
            )
    return matrix


# -- pieces ----------------------------------------------------------------------------------------


class _Pool(NamedTuple):
    delta_c9: float
    signal: NDArray[np.int64]
    background: NDArray[np.int64]


def _pools(frame: EventFrame) -> Iterator[_Pool]:
    """Signal and background of each ΔC9; background without one is shared out like the signal."""
    value = frame["delta_c9"] if "delta_c9" in frame else np.full(len(frame), np.nan)
    signal = frame["is_signal"].astype(bool) if "is_signal" in frame else np.ones(len(frame), dtype=bool)
    if not signal.any():
        raise InputError("no signal events", "at least one")
    values, of_signal = np.unique(value[signal], return_inverse=True)
    counts = np.bincount(of_signal)
    shared = np.flatnonzero(~signal & ~np.isin(value, values[~np.isnan(values)]))
    shares = np.split(shared, np.round(np.cumsum(counts[:-1]) / counts.sum() * len(shared)).astype(int))
    numbers = np.split(np.flatnonzero(signal)[np.argsort(of_signal, kind="stable")], np.cumsum(counts[:-1]))
    for one, own, share in zip(values, numbers, shares, strict=True):
        background = np.concatenate([np.flatnonzero(~signal & (value == one)), share])
        yield _Pool(float(one), own, background)


def _sets(
    frame: EventFrame,
    members: list[NDArray[np.int64]],
    counts: list[NDArray[np.int64]],
    values: list[NDArray[np.float64]],
) -> EventSets:
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.int64)
    return EventSets(frame, np.concatenate(members), offsets, np.concatenate(values))

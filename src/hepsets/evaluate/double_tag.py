r"""R_b and R_c from tags of the two hemispheres of Z decays, with the efficiencies of the tags from data.

A quark and an antiquark leave the Z back to back, so each event holds two nearly independent trials of a
tag. With one tag, of efficiency ε_q in hemispheres of flavour q, the shares of tagged hemispheres and of
events with two tags are

.. math::

    f_s &= R_b \varepsilon_b + R_c \varepsilon_c + (1 - R_b - R_c)\, \varepsilon_l \\
    f_d &= R_b C_b \varepsilon_b^2 + R_c C_c \varepsilon_c^2 + (1 - R_b - R_c)\, C_l \varepsilon_l^2

(ALEPH, DELPHI, L3, OPAL and SLD, Phys. Rept. 427 (2006) 257, chapter 5; OPAL, Eur. Phys. J. C 8 (1999) 217).
Two equations give R_b and ε_b together; the small efficiencies ε_c and ε_l, the correlations C between the
hemispheres, which are one if these are independent, and R_c come from elsewhere. With a second tag, for c,
that no hemisphere bears beside the first, there are five shares, and R_c and two more efficiencies follow
from data, too: those of both tags for their own flavour, and that of the c tag for b.

What is taken from simulation must be from events that the tagger never saw, and others than those measured.
Its statistical error is part of the result; the systematic one, how far simulation is from nature, is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import fsolve

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.scores.sample import Array

NO_TAG, B_TAG, C_TAG = 0, 1, 2
"""Tags of a hemisphere; with one tag only the first two occur."""

FLAVOURS = ("b", "c", "light")

STEP = 1e-6
"""Of shares, in the derivatives that carry errors over."""

BEYOND = 1.0
"""An efficiency further than this from one half is no fluctuation."""

SOLVED = 1e-9
"""By how much a share of tags may miss the measured one in the solution."""


@dataclass(frozen=True)
class DoubleTag:
    """Partial widths of the Z over that into all hadrons, with what was measured beside them.

    Parameters
    ----------
    r_b, r_c
        Shares of b b̄ and c c̄ events; ``r_c`` is what was given if there is one tag only. The error is that of
        data, of simulation, and of what was given, together.
    r_b_data, r_b_simulation, r_b_given
        The three parts of the error of ``r_b``: counts of data, counts of simulation, R_c as given.
    efficiency
        By ``"FLAVOUR TAG"``: share of hemispheres of that flavour with that tag. From data are those named in
        ``from_data``; all others are simulation's.
    from_data
        Names of the efficiencies that were measured.
    correlation
        By ``"FLAVOUR TAG"``: C, simulation's share of doubly tagged events over the square of the efficiency.
    events
        Number of events measured.
    """

    r_b: Measured
    r_c: Measured
    r_b_data: float
    r_b_simulation: float
    r_b_given: float
    efficiency: Mapping[str, Measured]
    from_data: tuple[str, ...]
    correlation: Mapping[str, Measured]
    events: int


def count_tags(first: ArrayLike, second: ArrayLike, *, tags: int = 1) -> NDArray[np.int64]:
    """Number of events by the tags of their hemispheres, the lower tag first.

    Parameters
    ----------
    first, second
        Shape ``(n_events,)``, integers from 0 (no tag) to ``tags``: tags of the two hemispheres.
    tags
        Number of tags.

    Returns
    -------
    Shape ``(tags + 1, tags + 1)``; below the diagonal all is zero.

    Raises
    ------
    InputError
        For unlike shapes, or other tags.

    Examples
    --------
    >>> count_tags([0, 1, 1, 0], [0, 0, 1, 1])
    array([[1, 2],
           [0, 1]])
    """
    a, b = np.asarray(first), np.asarray(second)
    if a.shape != b.shape or a.ndim != 1:
        raise InputError(f"tags of shapes {a.shape} and {b.shape}", "one of each hemisphere per event")
    both = np.stack([a, b])
    if both.size and not np.isin(both, range(tags + 1)).all():
        raise InputError(f"tags {sorted(set(both.ravel().tolist()))}", f"whole numbers from 0 to {tags}")
    both = both.astype(np.int64)
    counts = np.zeros((tags + 1, tags + 1), dtype=np.int64)
    np.add.at(counts, (both.min(axis=0), both.max(axis=0)), 1)
    return counts


def tag_hemispheres(
    b_score: ArrayLike, b_cut: float, c_score: ArrayLike = (), c_cut: float = np.inf
) -> NDArray[np.int64]:
    """Tags of hemispheres, shape ``(n_hemispheres,)``: b if its score reaches ``b_cut``, else c if that
    reaches ``c_cut``, else none.
    """
    b = np.asarray(b_score, dtype=np.float64)
    c = np.asarray(c_score, dtype=np.float64) if np.size(c_score) else np.full(b.shape, -np.inf)
    return np.where(b >= b_cut, B_TAG, np.where(c >= c_cut, C_TAG, NO_TAG)).astype(np.int64)


def mixed_light(counts: Mapping[str, ArrayLike], shares: Mapping[str, float]) -> tuple[Array, Array]:
    """Shares of tags in light events that are mixed from simulated flavours, and their covariance.

    Parameters
    ----------
    counts
        By flavour, as :func:`count_tags` gives them.
    shares
        By flavour, its share of the light events; the sum need not be one.
    """
    total = sum(shares.values())
    parts = {name: _shares(np.asarray(counts[name]), name) for name in shares}
    value = np.sum([shares[name] / total * parts[name][0] for name in shares], axis=0)
    covariance = np.sum([(shares[name] / total) ** 2 * parts[name][1] for name in shares], axis=0)
    return value, covariance


def measure_partial_widths(
    data: ArrayLike,
    simulation: Mapping[str, ArrayLike],
    *,
    light_shares: Mapping[str, float] | None = None,
    r_c: Measured | None = None,
) -> DoubleTag:
    """Measure R_b, and with two tags R_c, from double tags.

    Parameters
    ----------
    data
        Counts of events by tags, see :func:`count_tags`: shape ``(2, 2)`` with one tag, for b; ``(3, 3)``
        with a second one for c.
    simulation
        The same of simulated events by flavour: ``"b"``, ``"c"``, and ``"light"`` or the flavours of
        ``light_shares``.
    light_shares
        By flavour, its share of all light events, if they are simulated flavour by flavour; see
        :func:`mixed_light`.
    r_c
        The share of c c̄ events, which one tag cannot tell.

    Raises
    ------
    InputError
        For shapes that do not fit, an R_c that is missing or too much, flavours without simulation, or counts
        that no shares explain: no doubly tagged events, say.
    """
    counts = np.asarray(data)
    tags = len(counts) - 1
    if counts.shape not in ((2, 2), (3, 3)):
        raise InputError(f"counts of shape {counts.shape}", "(2, 2) for one tag or (3, 3) for two")
    if (tags == 1) != (r_c is not None):
        raise InputError(
            f"{tags} tag{'s'[: tags - 1]} and R_c {'given' if r_c else 'not given'}",
            "one tag and a given R_c, or two tags and none",
        )
    light = {"light": 1.0} if light_shares is None else light_shares
    missing = {"b", "c", *light} - set(simulation)
    if missing:
        raise InputError(f"no simulation of {', '.join(sorted(missing))}", "counts of all flavours")
    measured, measured_covariance = _shares(counts, "data")
    simulated = [_shares(np.asarray(simulation[flavour]), flavour) for flavour in ("b", "c")]
    simulated.append(mixed_light(simulation, light))
    inputs = np.concatenate([measured, *(value for value, _ in simulated), [r_c.value if r_c else 0.0]])
    blocks = [measured_covariance, *(covariance for _, covariance in simulated)]
    blocks.append(np.array([[r_c.se**2 if r_c else 0.0]]))
    solver = _Solver(tags)
    return solver.result(inputs, blocks, int(counts.sum()))


# -- inside ------------------------------------------------------------------------------------------


def _shares(counts: NDArray[np.int64], name: str) -> tuple[Array, Array]:
    """Shares of the fields on and above the diagonal, row by row, and their multinomial covariance."""
    total = int(counts.sum())
    if counts.ndim != 2 or not total or (counts < 0).any():
        raise InputError(f"no events of {name}", "counts of events by tags")
    value = counts[np.triu_indices(len(counts))] / total
    return value, (np.diag(value) - np.outer(value, value)) / total


def _untold() -> InputError:
    return InputError(
        "shares of tags that no R between 0 and 1 explains",
        "tags that tell the flavours apart",
        "use more events, or cuts that keep more of the flavours that they are for",
    )


@dataclass(frozen=True)
class _Solver:
    """The equations of one or two tags.

    Shares are in the order of ``pairs``; inputs are those of data, of b, c and light simulation, and R_c.
    """

    tags: int

    @property
    def pairs(self) -> list[tuple[int, int]]:
        return [(i, j) for i in range(self.tags + 1) for j in range(i, self.tags + 1)]

    @property
    def names(self) -> Sequence[str]:
        return ("b b",) if self.tags == 1 else ("b b", "c c", "b c")

    def split(self, inputs: Array) -> list[Array]:
        return np.split(inputs[:-1], 4)

    def single(self, shares: Array, tag: int) -> float:
        """Share of hemispheres with a tag."""
        return float(
            sum(
                share * ((i == tag) + (j == tag)) / 2
                for share, (i, j) in zip(shares, self.pairs, strict=True)
            )
        )

    def pair_of(self, shares: Array, free: Mapping[int, float]) -> Array:
        """Shares of pairs with tags on both sides, with some efficiencies replaced by ``free``."""
        found = []
        for share, (i, j) in zip(shares, self.pairs, strict=True):
            if i > 0:
                for tag in (i, j):
                    own = self.single(shares, tag)
                    share = share * (free.get(tag, own) / own) if own > 0 else 0.0
                found.append(share)
        return np.array(found)

    def tagged(self, shares: Array, free: Mapping[int, float]) -> Array:
        """What is compared: shares of hemispheres with each tag, then of events with two tags."""
        single = [free.get(tag, self.single(shares, tag)) for tag in range(1, self.tags + 1)]
        return np.concatenate([single, self.pair_of(shares, free)])

    def expected(self, unknown: Array, inputs: Array) -> Array:
        _, b, c, light = self.split(inputs)
        if self.tags == 1:
            r_b, r_c, of_b, of_c = unknown[0], inputs[-1], {B_TAG: unknown[1]}, {}
        else:
            r_b, r_c, of_b = unknown[0], unknown[1], {B_TAG: unknown[2], C_TAG: unknown[4]}
            of_c = {C_TAG: unknown[3]}
        return np.asarray(
            r_b * self.tagged(b, of_b) + r_c * self.tagged(c, of_c) + (1 - r_b - r_c) * self.tagged(light, {})
        )

    def start(self, inputs: Array) -> Array:
        """Efficiencies of simulation, and the shares that then explain the single tags."""
        measured, b, c, light = self.split(inputs)
        tags = range(1, self.tags + 1)
        single = np.array([[self.single(part, tag) for tag in tags] for part in (measured, b, c, light)])
        slope = (single[1:3] - single[3]).T  # of the shares of tags in R_b, R_c
        if self.tags == 1:
            r_b = (single[0, 0] - single[3, 0] - inputs[-1] * slope[0, 1]) / slope[0, 0]
            return np.array([r_b, single[1, 0]])
        ratios = np.linalg.solve(slope, single[0] - single[3])
        return np.array([*ratios, single[1, 0], single[2, 1], single[1, 1]])

    def solve(self, inputs: Array) -> Array:
        measured = self.tagged(self.split(inputs)[0], {})
        with np.errstate(all="ignore"):
            try:
                found, _, _, _ = fsolve(
                    lambda unknown: self.expected(unknown, inputs) - measured,
                    self.start(inputs), xtol=1e-12, full_output=True,
                )  # fmt: skip
            except np.linalg.LinAlgError:
                found = np.array([np.nan])
        ratios, efficiencies = found[: self.tags], found[self.tags :]
        # efficiencies near zero or one may fluctuate beyond it
        possible = ((ratios > 0) & (ratios < 1)).all() and (np.abs(efficiencies - 0.5) < BEYOND).all()
        if not possible or (np.abs(self.expected(found, inputs) - measured).max() > SOLVED):
            raise _untold()
        return np.asarray(found)

    def slopes(self, inputs: Array, unknown: Array) -> Array:
        """Derivatives of the unknown, an implicit function of the inputs; shape ``(n_unknown, n_inputs)``."""

        def miss(u: Array, x: Array) -> Array:
            return self.expected(u, x) - self.tagged(self.split(x)[0], {})

        def derivative(of_unknown: bool, size: int) -> Array:
            columns = []
            for step in STEP * np.eye(size):
                up = miss(unknown + step, inputs) if of_unknown else miss(unknown, inputs + step)
                down = miss(unknown - step, inputs) if of_unknown else miss(unknown, inputs - step)
                columns.append((up - down) / (2 * STEP))
            return np.array(columns).T

        by_unknown = derivative(True, len(unknown))
        if not np.linalg.cond(by_unknown) < 1 / STEP:
            raise _untold()
        return np.asarray(-np.linalg.solve(by_unknown, derivative(False, len(inputs))))

    def result(self, inputs: Array, blocks: Sequence[Array], events: int) -> DoubleTag:
        unknown = self.solve(inputs)
        slopes = self.slopes(inputs, unknown)
        edges = np.cumsum([0, *(len(block) for block in blocks)])
        parts = [
            slopes[:, low:high] @ block @ slopes[:, low:high].T
            for low, high, block in zip(edges[:-1], edges[1:], blocks, strict=True)
        ]
        se = np.sqrt(np.diag(np.sum(parts, axis=0)))
        solved = [Measured(float(value), float(error)) for value, error in zip(unknown, se, strict=True)]
        ratios = 1 if self.tags == 1 else 2
        efficiency = dict(zip(self.names, solved[ratios:], strict=True))
        correlation = {}
        for place, flavour in enumerate(FLAVOURS):
            for tag in range(1, self.tags + 1):
                shares, block = self.split(inputs)[place + 1], blocks[place + 1]
                name = f"{flavour} {'bc'[tag - 1]}"
                efficiency.setdefault(name, self._carried(lambda s, t=tag: self.single(s, t), shares, block))
                correlation[name] = self._carried(lambda s, t=tag: self._correlation(s, t), shares, block)
        given = Measured(float(inputs[-1]), float(np.sqrt(blocks[-1][0, 0])))
        return DoubleTag(
            solved[0],
            given if self.tags == 1 else solved[1],
            float(np.sqrt(parts[0][0, 0])),
            float(np.sqrt(sum(part[0, 0] for part in parts[1:4]))),
            float(np.sqrt(parts[4][0, 0])),
            efficiency,
            tuple(self.names),
            correlation,
            events,
        )

    def _correlation(self, shares: Array, tag: int) -> float:
        own = self.single(shares, tag)
        return float(shares[self.pairs.index((tag, tag))] / own**2) if own > 0 else 1.0

    @staticmethod
    def _carried(function: object, shares: Array, covariance: Array) -> Measured:
        """A function of shares with the error that these give it."""
        assert callable(function)
        slope = np.array(
            [
                (function(shares + step) - function(shares - step)) / (2 * STEP)
                for step in STEP * np.eye(len(shares))
            ]
        )
        return Measured(float(function(shares)), float(np.sqrt(max(slope @ covariance @ slope, 0.0))))

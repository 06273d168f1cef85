"""Compiled loops of ``decay_sweep``: each goes through its particles once, forward or back.

Particles stand in the order of :class:`hepsets.learn.decay_trees.sweep_trunk.Arranged`: mothers first, each
before her daughters, then those without any.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import kernel, part_of_kernel
from hepsets.learn.layers.dropout import keeps
from hepsets.simulate.belle2 import BELLE2

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Places = NDArray[np.int64]
Flags = NDArray[np.bool_]
Rows = tuple[int, int]


@part_of_kernel
def count_daughters(mothers: Places, begin: int, n: int, daughters: Places) -> int:
    """Add to ``daughters`` those of each of an event's ``n`` particles; how many have any.

    The event begins at ``begin`` of ``mothers``. It is -1 if a mother is not ahead of her daughter, or is in
    another event.
    """
    n_mothers = 0
    for i in range(n):
        m = mothers[begin + i] - begin
        if m > i or m < 0:
            return -1
        if m != i:
            n_mothers += daughters[m] == 0
            daughters[m] += 1
    return n_mothers


@kernel
def arrange(
    mothers: Places,
    offsets: Places,
    particles: Places,
    mother: Places,
    event: Places,
    is_daughter: Floats,
    daughters: Floats,
) -> int:
    """Fill what ``Arranged`` holds; the number of mothers, or -1 if one is not ahead of her daughter."""
    n = len(mothers)
    place, of = np.zeros(n, np.int64), np.empty(n, np.int64)
    n_mothers = 0
    for number in range(len(offsets) - 1):
        begin, end = offsets[number], offsets[number + 1]
        own = count_daughters(mothers, begin, end - begin, place[begin:end])  # their places later
        if own < 0:
            return -1
        n_mothers += own
        of[begin:end] = number
    first, last = 0, n_mothers
    for i in range(n):
        born = place[i]
        if born > 0:
            at = first
            first += 1
        else:
            at = last
            last += 1
        place[i] = at
        particles[at], event[at], daughters[at] = i, of[i], born
        mother[at] = place[mothers[i]]
        is_daughter[at] = mothers[i] != i
    return n_mothers


_ZERO, _HALF, _ONE, _LOG_2 = np.float32(0), np.float32(0.5), np.float32(1), np.float32(math.log(2))


@kernel
def _asinh(value: np.float32) -> np.float32:
    """For numbers from 0 up, as exact as a sum with a number of order one can hold."""
    if value > np.float32(1e9):  # whose square may be beyond single precision
        return np.float32(math.log(value) + _LOG_2)
    return np.float32(math.log(value + np.sqrt(value * value + _ONE)))


@kernel
def _log(value: np.float32) -> np.float32:
    least = np.float32(1e-3)
    return np.float32(math.log(least if value < least else value))


@kernel
def _positive(value: np.float32) -> np.float32:
    """0 for what is negative; what is no number stays so, as events that overflow are told by it."""
    return _ZERO if value < _ZERO else value


@kernel
def _passed(gradient: np.float32, positive: np.float32) -> np.float32:
    """The gradient of :func:`_positive` by what came out."""
    return _ZERO if positive <= _ZERO else gradient


@kernel
def kinematics(
    features: Floats,
    particles: Places,
    is_daughter: Floats,
    daughters: Floats,
    belle2: Floats,
    known: Floats,
) -> None:
    """:func:`hepsets.learn.decay_trees.decay_sweep.kinematics` of particles in another order."""
    bx, bz, gamma, per_beta2, lowest, highest = belle2
    for row in range(len(particles)):
        own = features[particles[row]]
        time, x, y, z, energy, px, py, pz = own[0], own[1], own[2], own[3], own[4], own[5], own[6], own[7]
        along = bx * px + bz * pz
        shift = per_beta2 * along - gamma * energy
        px_cm, pz_cm = px + shift * bx, pz + shift * bz
        energy_cm = gamma * (energy - along)
        pt2 = px * px + py * py
        pt = np.sqrt(pt2)
        cos_theta = pz / (np.sqrt(pt * pt + pz * pz) + np.float32(1e-6))
        accepted = _ONE if lowest < cos_theta < highest else _ZERO
        final = _ONE if daughters[row] == _ZERO else _ZERO
        out = known[row]
        out[0] = _HALF * _log(energy_cm) + _HALF
        out[1] = _HALF * _log(np.sqrt(px_cm * px_cm + py * py + pz_cm * pz_cm)) + _HALF
        out[2] = np.float32(0.7) * _log(pt) + _ONE
        out[3] = math.exp(np.float32(-10) * pt)
        out[4], out[5], out[6], out[7], out[8] = energy_cm, px_cm, py, pz_cm, cos_theta
        out[9], out[10] = accepted, accepted * final
        out[11] = _HALF * _asinh(np.float32(100) * np.sqrt(x * x + y * y))
        out[12] = _HALF * math.copysign(_asinh(np.float32(20) * abs(z)), z)
        out[13] = np.float32(0.3) * math.copysign(_asinh(np.float32(200) * abs(time)), time)
        out[14], out[16] = _ONE - is_daughter[row], final
        out[15] = math.log(_ONE + daughters[row]) if daughters[row] > _ZERO else _ZERO


@kernel
def add_rows(values: Floats, rows: Floats, tokens: Places, particles: Places) -> None:
    """max(0, value + the row of its particle's token), in place."""
    for i in range(len(values)):
        row = rows[tokens[particles[i]]]
        for k in range(values.shape[1]):
            values[i, k] = _positive(values[i, k] + row[k])


@kernel
def add_rows_back(
    gradient: Floats, values: Floats, tokens: Places, particles: Places, of_value: Floats, of_row: Floats
) -> None:
    """What :func:`add_rows` made ``values``: gradients of what it added, the second summed."""
    for i in range(len(values)):
        row = of_row[tokens[particles[i]]]
        for k in range(values.shape[1]):
            passed = _passed(gradient[i, k], values[i, k])
            of_value[i, k] = passed
            row[k] += passed


@kernel
def moments(values: Floats, mean: Floats, variance: Floats) -> None:
    """Mean and variance (over n) of each column, summed in double precision."""
    n, width = values.shape
    total, squares = np.zeros(width), np.zeros(width)
    for i in range(n):
        for k in range(width):
            value = np.float64(values[i, k])
            total[k] += value
            squares[k] += value * value
    for k in range(width):
        centre = total[k] / n
        mean[k], variance[k] = centre, max(squares[k] / n - centre * centre, 0.0)


@kernel
def normalise(values: Floats, mean: Floats, inverse: Floats) -> None:
    """(value − mean) · inverse of each column, in place."""
    for i in range(len(values)):
        for k in range(values.shape[1]):
            values[i, k] = (values[i, k] - mean[k]) * inverse[k]


@kernel
def sum_trees(x: Floats, mothers: Places, sums: Floats, counts: Floats) -> None:
    """Of each mother, the sum over all descendants, and that over herself and all ancestors; how many."""
    below, above = sums[0], sums[1]
    n, units = below.shape
    for i in range(n):
        m = mothers[i]
        counts[0, i] = _ZERO
        if m == i:
            counts[1, i] = _ONE
            for k in range(units):
                below[i, k] = _ZERO
                above[i, k] = x[i, k]
        else:
            counts[1, i] = _ONE + counts[1, m]
            for k in range(units):
                below[i, k] = _ZERO
                above[i, k] = x[i, k] + above[m, k]
    for i in range(n, len(x)):
        m = mothers[i]
        if m != i:
            counts[0, m] += _ONE
            for k in range(units):
                below[m, k] += x[i, k]
    for i in range(n - 1, -1, -1):
        m = mothers[i]
        if m != i:
            counts[0, m] += _ONE + counts[0, i]
            for k in range(units):
                below[m, k] += x[i, k] + below[i, k]


@kernel
def sum_trees_back(
    gradient: Floats,
    x: Floats,
    mothers: Places,
    of_sums: Floats,
    constant: Floats,
    slope: Floats,
    of_x: Floats,
) -> None:
    """Add to ``of_x`` what :func:`sum_trees`, the residual and the columns' moments say of x.

    The gradients of the sums are summed along the trees in place.
    """
    below, above = of_sums[0], of_sums[1]
    n, units = below.shape
    for i in range(n - 1, -1, -1):
        m = mothers[i]
        if m != i:
            for k in range(units):
                above[m, k] += above[i, k]
    for i in range(n):
        m = mothers[i]
        for k in range(units):
            of_x[i, k] += gradient[i, k] + constant[k] + slope[k] * x[i, k] + above[i, k]
        if m != i:
            for k in range(units):
                of_x[i, k] += below[m, k]
                below[i, k] += below[m, k]
    for i in range(n, len(x)):
        m = mothers[i]
        if m == i:
            for k in range(units):
                of_x[i, k] += gradient[i, k] + constant[k] + slope[k] * x[i, k]
        else:
            for k in range(units):
                of_x[i, k] += gradient[i, k] + constant[k] + slope[k] * x[i, k] + below[m, k]


@kernel
def add_seen(
    rows: Rows, seen: Floats, of_sums: Floats, mothers: Places, counts: Floats, bias: Floats
) -> None:
    """Positive part of all that is seen: biases count once for each particle that was summed.

    ``of_sums`` are the products of what :func:`sum_trees` summed: of descendants, and of a mother with her
    ancestors, as her daughters see it.
    """
    of_descendants, of_ancestors = of_sums[0], of_sums[1]
    n, units = of_descendants.shape
    begin, end = rows
    alone = bias[0] + bias[1] + bias[2]
    for i in range(begin, min(n, end)):
        m = mothers[i]
        up, down = counts[0, i], counts[1, i]
        for k in range(units):
            of_ancestors[i, k] += down * bias[2, k]
            seen[i, k] += of_descendants[i, k] + (alone[k] + up * bias[1, k])
        if m != i:
            for k in range(units):
                seen[i, k] += of_ancestors[m, k]
        for k in range(units):
            seen[i, k] = _positive(seen[i, k])
    for i in range(max(n, begin), end):
        m = mothers[i]
        if m == i:
            for k in range(units):
                seen[i, k] = _positive(seen[i, k] + alone[k])
        else:
            for k in range(units):
                seen[i, k] = _positive(seen[i, k] + of_ancestors[m, k] + alone[k])


@kernel
def add_seen_back(
    rows: Rows, gradient: Floats, seen: Floats, mothers: Places, of_sums: Floats, of_bias: Doubles
) -> None:
    """Gradients of what :func:`add_seen` added: of the products in place of its own, of the sums, its sum."""
    of_descendants, of_ancestors = of_sums[0], of_sums[1]
    n, units = of_descendants.shape
    begin, end = rows
    for i in range(begin, end):
        m = mothers[i]
        for k in range(units):
            passed = _passed(gradient[i - begin, k], seen[i, k])
            gradient[i - begin, k] = passed
            of_bias[k] += passed
        if m != i:
            for k in range(units):
                of_ancestors[m, k] += gradient[i - begin, k]
        if i < n:
            for k in range(units):
                of_descendants[i, k] = gradient[i - begin, k]


@kernel
def add_dropped(
    rows: Rows,
    values: Floats,
    x: Floats,
    bias: Floats,
    particles: Places,
    seed: np.uint32,
    threshold: np.uint32,
    scale: np.float32,
) -> None:
    """What dropout leaves of value + bias, and x, in place of the values."""
    units = np.uint32(len(bias))
    for i in range(rows[0], rows[1]):
        first = np.uint32(np.uint32(particles[i]) * units)
        for k in range(len(bias)):
            value = scale * (values[i, k] + bias[k])
            kept = keeps(np.uint32(first + np.uint32(k)), seed, threshold)
            values[i, k] = x[i, k] + (value if kept else _ZERO)


@kernel
def add_dropped_back(
    rows: Rows,
    gradient: Floats,
    particles: Places,
    seed: np.uint32,
    threshold: np.uint32,
    scale: np.float32,
    of_value: Floats,
    of_bias: Doubles,
) -> None:
    """The gradient of what :func:`add_dropped` dropped some of, from row 0 on, and its sum."""
    units = np.uint32(len(of_bias))
    for i in range(rows[0], rows[1]):
        first = np.uint32(np.uint32(particles[i]) * units)
        for k in range(len(of_bias)):
            kept = keeps(np.uint32(first + np.uint32(k)), seed, threshold)
            passed = scale * gradient[i, k] if kept else _ZERO
            of_value[i - rows[0], k] = passed
            of_bias[k] += passed


@kernel
def sum_positive(
    rows: Rows, values: Floats, bias: Floats, event: Places, result: Floats, passes: Flags
) -> None:
    """Sum over events of max(0, value + bias), values from row 0 on; ``passes``: where it has a gradient."""
    for i in range(rows[0], rows[1]):
        total = result[event[i]]
        for k in range(len(bias)):
            positive = _positive(values[i - rows[0], k] + bias[k])
            passes[i, k] = not positive <= _ZERO
            total[k] += positive


@kernel
def sum_positive_back(
    rows: Rows, gradient: Floats, passes: Flags, event: Places, of_value: Floats, of_bias: Doubles
) -> None:
    """The gradient of what :func:`sum_positive` summed, from row 0 on, and its sum."""
    for i in range(rows[0], rows[1]):
        of_event = gradient[event[i]]
        for k in range(len(of_bias)):
            passed = of_event[k] if passes[i, k] else _ZERO
            of_value[i - rows[0], k] = passed
            of_bias[k] += passed


def _belle2() -> Floats:
    """Velocity, γ, (γ − 1) / β² of the centre of mass, and the least and greatest cos θ of tracks."""
    bx, bz = BELLE2.beams.velocity
    beta2 = bx * bx + bz * bz
    gamma = 1 / math.sqrt(1 - beta2)
    edges = (math.cos(math.radians(edge)) for edge in (BELLE2.tracker.theta_max, BELLE2.tracker.theta_min))
    return np.array([bx, bz, gamma, (gamma - 1) / beta2, *edges], dtype=np.float32)


ACCEPTANCE = _belle2()
"""Of Belle II, for :func:`kinematics`."""

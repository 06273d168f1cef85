"""The thirty continuum variables from their formulas, one particle and one pair at a time."""

from itertools import combinations
from math import acos, degrees, hypot, sqrt


def legendre(k, x):
    """Bonnet's recursion (k + 1) P_{k+1} = (2 k + 1) x P_k - k P_{k-1}."""
    before, now = 0.0, 1.0
    for n in range(k):
        before, now = now, ((2 * n + 1) * x * now - n * before) / (n + 1)
    return now


def size(p):
    return hypot(*p)


def dot(p, q):
    return sum(a * b for a, b in zip(p, q, strict=True))


def add(momenta, signs):
    return tuple(sum(s * p[a] for s, p in zip(signs, momenta, strict=True)) for a in range(3))


def cosine(p, q):
    return dot(p, q) / (size(p) * size(q)) if size(p) and size(q) else 0.0


def thrust(momenta):
    """Every plane through two momenta, with each of the two on either side."""
    scalar = sum(size(p) for p in momenta)
    if scalar == 0:
        return 0.0, (0.0, 0.0, 0.0)
    candidates = [tuple(p) for p in momenta if size(p)]  # enough where all momenta lie on one line
    for i, j in combinations(range(len(momenta)), 2):
        p, q = momenta[i], momenta[j]
        normal = (p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0])
        signs = [1 if dot(normal, r) >= 0 else -1 for r in momenta]
        for signs[i] in (-1, 1):
            for signs[j] in (-1, 1):
                candidates.append(add(momenta, signs))
    flow = {axis: sum(abs(dot(p, axis)) for p in momenta) / size(axis) for axis in candidates if size(axis)}
    best = max(flow, key=flow.get)
    return flow[best] / scalar, tuple(a / size(best) for a in best)


def r2(momenta):
    moment = [
        sum(size(p) * size(q) * legendre(k, cosine(p, q)) for p in momenta for q in momenta) for k in (0, 2)
    ]
    return moment[1] / moment[0] if moment[0] else 0.0


def continuum_variables(event, candidate_energy, sqrt_s):
    """All thirty of one event: a list of ``(momentum, energy, charge, from_candidate)``."""
    everything = [p for p, _, _, _ in event]
    signal = [(p, q) for p, _, q, own in event if own]
    rest = [(p, q) for p, _, q, own in event if not own]
    value_b, axis_b = thrust([p for p, _ in signal])
    value_o, axis_o = thrust([p for p, _ in rest])
    missing = add(everything, [-1] * len(everything))
    missing_energy = sqrt_s - sum(energy for _, energy, _, _ in event)
    square = missing_energy**2 if missing_energy > 0 else -(missing_energy**2)
    out = {
        "R2": r2(everything),
        "thrustBm": value_b,
        "thrustOm": value_o,
        "cosTBTO": abs(cosine(axis_b, axis_o)),
        "cosTBz": abs(cosine(axis_b, (0, 0, 1))),
        "et": sum(sqrt(p[0] ** 2 + p[1] ** 2) for p in everything),
        "mm2": square - dot(missing, missing),
    }
    scale = 2 * (sqrt_s - candidate_energy)
    others = ([x for x in rest if x[1]], [x for x in rest if not x[1]], [(missing, 0)])
    for j, group in enumerate(others):
        for k in (0, 2, 4):
            pairs = [(p, r) for p, _ in signal for r, _ in group if size(p) and size(r)]
            out[f"hso{j}{k}"] = sum(size(r) * legendre(k, cosine(p, r)) for p, r in pairs) / scale
    for k in range(5):
        out[f"hoo{k}"] = (
            sum(
                (q * c if k % 2 else 1) * size(p) * size(r) * legendre(k, cosine(p, r))
                for (p, q), (r, c) in combinations([*rest, (missing, 0)], 2)
            )
            / scale**2
        )
    for i in range(1, 10):
        inside = []
        for p in everything:
            angle = degrees(acos(max(-1.0, min(1.0, cosine(p, axis_b)))))
            angle = min(angle, 180 - angle)
            if 10 * (i - 1) <= angle < 10 * i or (i == 9 and angle == 90):
                inside.append(size(p))
        out[f"cleoCone{i}"] = sum(inside) if size(axis_b) else 0.0
    return out

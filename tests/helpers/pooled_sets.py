"""A strong regressor on what a model of sets sees: pooled by hand, and boosted trees on that.

It asks the question of the contract: is an observable, such as Mbc, in the inputs? It knows the physics
that a network would have to find: sums of momenta, their sizes and ratios, shapes along all axes, and how
event features differ from the same quantity of the particles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import xgboost as xgb

from hepsets.core.particle_sets import ParticleSets
from hepsets.learn.particle_sets.model import SetModel
from hepsets.learn.particle_sets.symmetries import FRAMES, VECTORS
from hepsets.represent.particle_sets.features import SetSpec
from hepsets.select.variables.event_shape import thrust

Array = np.ndarray
SIZES = ("p_scale", "own_momentum", "momentum")


def predictability(model: SetModel, events: ParticleSets, truth: Array, *, seed: int = 0) -> float:
    """R² of the regressor on events that it was not trained on: half of them."""
    return trees_predict(np.column_stack([column for _, column in pooled(model, events)]), truth, seed=seed)


def trees_predict(inputs: Array, truth: Array, *, seed: int = 0) -> float:
    """R² of boosted trees on the half of the events that they were not trained on."""
    order = np.random.default_rng(seed).permutation(len(truth))
    train, stop, test = np.split(order, [int(0.4 * len(truth)), int(0.5 * len(truth))])
    trees = xgb.XGBRegressor(
        n_estimators=600,
        max_depth=5,
        learning_rate=0.05,
        subsample=0.7,
        colsample_bytree=0.5,
        min_child_weight=10,
        n_jobs=1,
        early_stopping_rounds=25,
        random_state=seed,
    )
    trees.fit(inputs[train], truth[train], eval_set=[(inputs[stop], truth[stop])], verbose=False)
    left = truth[test] - trees.predict(inputs[test])
    return float(1 - (left**2).sum() / ((truth[test] - truth[test].mean()) ** 2).sum())


def pooled(model: SetModel, events: ParticleSets) -> Iterator[tuple[str, Array]]:
    """Names and values, shape ``(n_events,)``, of all that is made of a model's inputs."""
    data = model.prepare(events)
    n = len(events)
    known = {name: data.event_features[:, i].numpy() for i, name in enumerate(model.event_features)}
    yield from known.items()
    signal, rest = _Particles(n), _Particles(n)
    axes = {"z": np.broadcast_to([0.0, 0.0, 1.0], (n, 3))}
    for spec, one in zip(model.sets, data.sets, strict=True):
        x = dict(zip(spec.features, one.features.numpy().astype(np.float64).T, strict=True))
        if spec.of_candidate:
            yield from x.items()
            axes |= {group[0]: _vectors(x, group) for group in (*VECTORS, *FRAMES) if group[0] in x}
            continue
        event = np.repeat(np.arange(n), np.diff(one.offsets.numpy()))
        for name, column in x.items():
            yield f"{spec.name} mean {name}", _per(event, column, n) / np.maximum(_per(event, 1.0, n), 1)
            yield f"{spec.name} max {name}", _largest(event, column, n)
        mine = _is_signal(spec, x)
        momenta = _momenta(x)
        signal.add(event[mine], momenta[mine])
        rest.add(event[~mine], momenta[~mine])
    if model.sets:
        yield from signal.pooled("signal", axes, known)
        yield from rest.pooled("rest", axes, {})


class _Particles:
    """Momenta of some particles of each event, whatever sets they come from."""

    def __init__(self, n_events: int) -> None:
        self.n = n_events
        self.event, self.p = np.empty(0, np.int64), np.empty((0, 3))

    def add(self, event: Array, momenta: Array) -> None:
        self.event, self.p = np.concatenate([self.event, event]), np.concatenate([self.p, momenta])

    def pooled(
        self, name: str, axes: Mapping[str, Array], known: Mapping[str, Array]
    ) -> Iterator[tuple[str, Array]]:
        order = np.argsort(self.event, kind="stable")
        event, p, n = self.event[order], self.p[order], self.n
        size = np.linalg.norm(p, axis=1)
        unit = p / np.maximum(size, 1e-12)[:, None]
        count, scalar, square = (_per(event, weight, n) for weight in (1.0, size, size**2))
        vector, directions = _sum(event, p, n), _sum(event, unit, n)
        length = np.linalg.norm(vector, axis=1)
        yield f"{name} count", count
        yield f"{name} sum p", scalar
        yield f"{name} sum p2", square
        yield f"{name} |sum p|", length
        yield f"{name} rho", length / np.maximum(scalar, 1e-12)
        yield f"{name} |sum d|", np.linalg.norm(directions, axis=1) / np.maximum(count, 1)
        found = thrust(p, np.concatenate([[0], np.cumsum(count)]).astype(np.int64))
        yield f"{name} thrust", found.value
        for what, value in known.items():
            if "thrustBm" in what:
                yield f"{name} thrust - {what}", found.value - value
            if "cosTBz" in what:
                for group, axis in {**axes, "found": found.axis}.items():
                    yield f"{name} {group} - {what}", np.abs(axis[:, 2]) - np.abs(value)
        flight = next((axes[what] for what in ("own_1", "direction_x") if what in axes), axes["z"])
        across = np.linalg.norm(np.cross(found.axis, flight), axis=1)
        for what, axis in {**axes, "thrust": found.axis}.items():
            yield f"{name} thrust, {what}", np.abs((found.axis * axis).sum(1))
            aberration = np.linalg.norm(np.cross(found.axis, axis), axis=1) / np.maximum(across, 0.05)
            yield f"{name} aberration, {what}", aberration
            along, cosine = (p * axis[event]).sum(1), (unit * axis[event]).sum(1)
            yield f"{name} sum along {what}", _per(event, along, n)
            yield f"{name} ratio along {what}", _per(event, along, n) / np.maximum(scalar, 1e-12)
            yield f"{name} thrust along {what}", _per(event, np.abs(along), n) / np.maximum(scalar, 1e-12)
            yield f"{name} second along {what}", _per(event, along**2, n) / np.maximum(square, 1e-12)
            yield f"{name} mean along {what}", _per(event, cosine, n) / np.maximum(count, 1)
            yield f"{name} mean square along {what}", _per(event, cosine**2, n) / np.maximum(count, 1)
        for i in range(3):
            yield f"{name} sum {i}", vector[:, i]
            for j in range(i, 3):
                yield (
                    f"{name} tensor {i}{j}",
                    _per(event, unit[:, i] * p[:, j], n) / np.maximum(scalar, 1e-12),
                )


def _is_signal(spec: SetSpec, x: Mapping[str, Array]) -> Array:
    if "from_candidate" in x:
        return x["from_candidate"] > 0
    length = len(next(iter(x.values())))
    assert {"signal", "rest"} & set(spec.members), f"whose particles are in {spec.name}?"
    return np.full(length, "signal" in spec.members)


def _momenta(x: Mapping[str, Array]) -> Array:
    """Momenta as far as the features tell: components, or directions and sizes."""
    group = next(group for group in (*FRAMES, *VECTORS) if set(group) <= set(x))
    vectors = _vectors(x, group)
    if group in (("px", "py", "pz"), ("own_p1", "own_p2", "own_p3")):
        return vectors
    sizes = [x[name] for name in SIZES if name in x]
    sizes += [np.exp(x[name]) for name in x if name.startswith("log_") and name.endswith("momentum")]
    return vectors * (sizes[0] if sizes else np.ones(len(vectors)))[:, None]


def _vectors(x: Mapping[str, Array], group: tuple[str, ...]) -> Array:
    return np.stack([x[name] for name in group], axis=1) if set(group) <= set(x) else np.zeros((1, 3))


def _per(event: Array, weight: Array | float, n: int) -> Array:
    return np.bincount(event, np.broadcast_to(weight, event.shape), minlength=n).astype(np.float64)


def _sum(event: Array, vectors: Array, n: int) -> Array:
    return np.stack([_per(event, column, n) for column in vectors.T], axis=1)


def _largest(event: Array, values: Array, n: int) -> Array:
    largest = np.full(n, -1e3)
    np.maximum.at(largest, event, values)
    return largest

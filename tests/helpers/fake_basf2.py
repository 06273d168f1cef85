"""A fake of the few calls of basf2 that the filter uses, which records what it was told.

Names, signatures and units are those of basf2's Python bindings: MCParticle, PyStoreArray, PyStoreObj,
Module, Path.
"""

# ruff: noqa: N802 (basf2 names its functions so)

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from hepsets.core.events import Events


@dataclass
class Vector:
    """ROOT's XYZVector."""

    values: tuple[float, float, float]

    def X(self) -> float:
        return self.values[0]

    def Y(self) -> float:
        return self.values[1]

    def Z(self) -> float:
        return self.values[2]


@dataclass
class MCParticle:
    """One generated particle."""

    index: int
    pdg: int
    momentum: tuple[float, float, float]
    energy: float
    vertex: tuple[float, float, float]
    time: float
    mother: MCParticle | None = None
    initial: bool = False
    primary: bool = True

    def getArrayIndex(self) -> int:
        return self.index

    def getPDG(self) -> int:
        return self.pdg

    def getMomentum(self) -> Vector:
        return Vector(self.momentum)

    def getEnergy(self) -> float:
        return self.energy

    def getProductionVertex(self) -> Vector:
        return Vector(self.vertex)

    def getProductionTime(self) -> float:
        return self.time

    def getMother(self) -> MCParticle | None:
        return self.mother

    def isInitial(self) -> bool:
        return self.initial

    def isPrimaryParticle(self) -> bool:
        return self.primary


def mc_particles(event: Events) -> list[MCParticle]:
    """One event as basf2 holds it: behind the two beam particles, before one that the simulation made."""
    column = event.particles
    beams = [
        MCParticle(0, 11, (0.29, 0, 6.99), 7.0, (0, 0, 0), 0.0, initial=True),
        MCParticle(1, -11, (0.17, 0, -3.99), 4.0, (0, 0, 0), 0.0, initial=True),
    ]
    made = [
        MCParticle(
            i + 2,
            int(column["pdg"][i]),
            tuple(float(column[name][i]) for name in ("px", "py", "pz")),
            float(column["energy"][i]),
            tuple(float(column[name][i]) for name in "xyz"),
            float(column["prod_time"][i]),
        )
        for i in range(event.n_particles)
    ]
    for i, mother in enumerate(event.mothers):
        if mother != i:
            made[i].mother = made[mother]
    secondary = MCParticle(
        len(made) + 2, 22, (0, 0, 0.1), 0.1, (1, 2, 3), 0.5, mother=made[-1], primary=False
    )
    return [*beams, *made, secondary]


@dataclass
class DataStore:
    """What is in basf2's data store, and all that was done to it."""

    particles: list[MCParticle] = field(default_factory=list)
    numbers: tuple[int, int, int] = (1003, 0, 0)
    extra: dict[str, float] | None = None
    calls: list[str] = field(default_factory=list)

    def root(self) -> Any:
        """The module ROOT."""
        return SimpleNamespace(Belle2=SimpleNamespace(PyStoreArray=self._array, PyStoreObj=self._object))

    def _array(self, name: str) -> Any:
        assert name == "MCParticles"
        store = self

        class PyStoreArray:
            def isRequired(self) -> bool:
                store.calls.append(f"{name} required")
                return True

            def __iter__(self):
                return iter(store.particles)

        return PyStoreArray()

    def _object(self, name: str) -> Any:
        store = self
        if name == "EventMetaData":
            return SimpleNamespace(
                getExperiment=lambda: store.numbers[0],
                getRun=lambda: store.numbers[1],
                getEvent=lambda: store.numbers[2],
            )
        assert name == "EventExtraInfo"

        def create() -> None:
            store.extra = {}

        def put(key: str, value: float) -> None:
            assert store.extra is not None
            assert type(value) is float  # the bindings take no numpy numbers
            store.extra[key] = float(np.float32(value))  # EventExtraInfo holds single precision

        return SimpleNamespace(
            registerInDataStore=lambda: store.calls.append(f"{name} registered"),
            isValid=lambda: store.extra is not None,
            create=create,
            setExtraInfo=put,
            getExtraInfo=lambda key: store.extra[key],
            getNames=lambda: list(store.extra),
        )


class Module:
    """basf2.Module."""

    def __init__(self) -> None:
        self.returned: int | None = None
        self.false_path: Path | None = None

    def return_value(self, value: int) -> None:
        assert type(value) is int
        self.returned = value

    def if_false(self, path: Path) -> None:
        self.false_path = path


class Path:
    """basf2.Path."""

    def __init__(self) -> None:
        self.modules: list[Module] = []

    def add_module(self, module: Module) -> None:
        self.modules.append(module)

    def process(self, store: DataStore, event: Events, numbers: tuple[int, int, int]) -> bool:
        """Run one event; whether it came through."""
        store.particles, store.numbers, store.extra = mc_particles(event), numbers, None
        for module in self.modules:
            module.event()
            if module.false_path is not None and not module.returned:
                assert not module.false_path.modules
                return False
        return True


basf2 = SimpleNamespace(Module=Module, create_path=Path)


def offset_numbers(n: int) -> list[tuple[int, int, int]]:
    """Numbers of experiment, run and event."""
    return [
        (1003, int(run), int(number))
        for run, number in zip(np.arange(n) // 50, np.arange(n) % 50, strict=True)
    ]

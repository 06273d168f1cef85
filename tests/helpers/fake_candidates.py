"""A fake of the few calls of basf2's analysis that write candidates and read scores back.

Names and signatures are those of basf2's Python bindings: Particle, RestOfEvent, a particle list as a
PyStoreObj, the variable manager, Module, Path.
"""

# ruff: noqa: N802 (basf2 names its functions so)

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from helpers.own_candidates import NAMES, branches
from hepsets.core.particle_sets import ParticleSets

IDS = {f"{name}ID": name for name in ("electron", "muon", "pion", "kaon", "proton")}


@dataclass
class Particle:
    """A particle: its variables, and what belongs to a candidate."""

    values: dict[str, float]
    pdg: int = 22
    daughters: list[Particle] = field(default_factory=list)
    rest: RestOfEvent | None = None
    extra: dict[str, float] = field(default_factory=dict)

    def getCharge(self) -> float:
        return self.values["charge"]

    def getPDGCode(self) -> int:
        return self.pdg

    def getFinalStateDaughters(self) -> list[Particle]:
        return self.daughters

    def getRelated(self, name: str) -> RestOfEvent | None:
        assert name == "RestOfEvents"
        return self.rest

    def addExtraInfo(self, name: str, value: float) -> None:
        assert type(value) is float
        assert name not in self.extra
        self.extra[name] = value


@dataclass
class RestOfEvent:
    """What does not belong to a candidate, by mask."""

    masks: dict[str, list[Particle]]

    def getParticles(self, mask: str = "") -> list[Particle]:
        return self.masks[mask]


def candidates(events: ParticleSets) -> list[Particle]:
    """One candidate per event, in the laboratory, with a KLM cluster that nobody asks for in its rest."""
    found = branches(events)
    made = []
    for i in range(len(events)):
        parts: dict[str, list[Particle]] = {}
        for name, short in NAMES.items():
            tracks = name.endswith("tracks")
            keys = {"px": "px", "py": "py", "pz": "pz", "E": "energy"}
            keys |= {"charge": "charge", "dr": "dr", "dz": "dz", **IDS} if tracks else {}
            rows = zip(*(found[f"{short}_{key}"][i].tolist() for key in keys.values()), strict=True)
            parts[name] = [
                Particle({"charge": 0.0, **dict(zip(keys, row, strict=True))}, 211 if tracks else 22)
                for row in rows
            ]
        rest = [*parts["roe_tracks"], *parts["roe_clusters"]]
        klong = Particle({"charge": 0.0, "px": 1.0, "py": 0.0, "pz": 0.0}, pdg=130)
        numbers = {"px": "B_px", "py": "B_py", "pz": "B_pz", "E": "B_energy", "charge": "B_charge"}
        numbers |= {"Mbc": "Mbc", "deltaE": "dE", "isSignal": "truth"}
        made.append(
            Particle(
                {ours: float(found[theirs][i]) for ours, theirs in numbers.items()},
                511,
                [*parts["candidate_tracks"], *parts["candidate_clusters"]],
                RestOfEvent({"": [*rest, klong], "clean": parts["roe_tracks"]}),
            )
        )
    return made


class Module:
    """basf2.Module."""


@dataclass
class Store:
    """The data store with one particle list, and the modules ``basf2``, ``ROOT`` and ``variables``."""

    name: str
    particles: list[Particle] = field(default_factory=list)
    numbers: tuple[int, int, int] = (0, 0, 0)
    warnings: list[str] = field(default_factory=list)

    def modules(self) -> dict[str, Any]:
        """What ``import`` finds."""
        evaluate = lambda name, particle: particle.values.get(name, np.nan)  # noqa: E731
        return {
            "basf2": SimpleNamespace(Module=Module, B2WARNING=self.warnings.append),
            "ROOT": SimpleNamespace(Belle2=SimpleNamespace(PyStoreObj=self._object)),
            "variables": SimpleNamespace(variables=SimpleNamespace(evaluate=evaluate)),
        }

    def _object(self, name: str) -> Any:
        if name == "EventMetaData":
            return SimpleNamespace(
                getExperiment=lambda: self.numbers[0],
                getRun=lambda: self.numbers[1],
                getEvent=lambda: self.numbers[2],
            )
        assert name == self.name
        store = self

        class List:
            def isRequired(self) -> bool:
                return True

            def __iter__(self):
                return iter(store.particles)

        return List()


class Path:
    """basf2.Path."""

    def __init__(self) -> None:
        self.modules: list[Any] = []

    def add_module(self, module: Any) -> None:
        self.modules.append(module)

    def process(self, store: Store, events: list[list[Particle]]) -> None:
        """Run all events: the candidates of each, numbered by event."""
        for module in self.modules:
            module.initialize()
        for number, particles in enumerate(events):
            store.particles, store.numbers = particles, (1003, number // 10, number)
            for module in self.modules:
                module.event()
        for module in self.modules:
            module.terminate()

"""The filter as a module of basf2, between the generator and the simulation.

basf2 and ROOT are imported when a module is made, so this file can be read anywhere. It was tested
against a fake of the few calls that it uses (``tests/helpers/fake_basf2.py``), not within basf2.

A steering file::

    import basf2
    import generators
    import simulation
    from hepsets.deploy.filter.basf2 import add_filter

    main = basf2.create_path()
    main.add_module("EventInfoSetter", expList=[1003], runList=[0], evtNumList=[10000])
    generators.add_evtgen_generator(path=main, finalstate="mixed")
    add_filter(main)  # the filter of the package, or add_filter(main, "filter.onnx")
    simulation.add_simulation(path=main)
    ...
    basf2.process(main)

In an analysis ``eventExtraInfo(hepsets_hadronic_b0)`` is the event's weight, 0 where it was not sampled; so
is ``eventExtraInfo(weight_hadronic_b0)``, called as basf2's own smart background module calls it. Save the
extra info with the events, or the weights are lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from hepsets.core.events import Events
from hepsets.core.run import log
from hepsets.core.weight_names import WEIGHT, earlier_weights, in_both_names, names_of_skims, predictions
from hepsets.deploy.filter.chain import chain
from hepsets.deploy.filter.event_filter import EventFilter, FilterSettings
from hepsets.deploy.filter.shipped import SHIPPED
from hepsets.formats.decay_forest import BEAM, decay_forest


def add_filter(
    path: Any,
    model: str | Path = SHIPPED[0],
    settings: FilterSettings | None = None,
    *,
    skim_names: Mapping[str, str] | None = None,
    debug: bool = False,
) -> Any:
    """Add the filter to a path; events that no skim wants end there.

    Parameters
    ----------
    path
        A ``basf2.Path``, with a generator on it.
    model
        A file that ``hepsets export`` wrote, or the name of a filter of the package.
    settings
        How to filter; unbiased importance sampling by default.
    skim_names
        What basf2 calls skims, by their names here, such as ``{"hadronic_b0": "feiHadronicB0"}``; the same by
        default.
    debug
        Write the predictions, too, for all events.

    Returns
    -------
    Any
        The module, a ``basf2.Module``.
    """
    basf2 = import_module("basf2")
    module = filter_module(model, settings, skim_names=skim_names, debug=debug)
    module.if_false(basf2.create_path())
    path.add_module(module)
    return module


def filter_module(
    model: str | Path,
    settings: FilterSettings | None = None,
    *,
    skim_names: Mapping[str, str] | None = None,
    debug: bool = False,
) -> Any:
    """The filter as a ``basf2.Module``; see :func:`add_filter`.

    It reads ``MCParticles``, writes one weight per skim to ``EventExtraInfo`` (``hepsets_<skim>``, and the
    same as ``weight_<SkimName>``; 0: not kept for it), multiplied with those of a filter before it, and
    returns 1 for events that go on and 0 for the others.

    Raises
    ------
    InputError
        For names of skims that the filter does not have, or one name for two.
    """
    basf2, store = import_module("basf2"), import_module("ROOT").Belle2
    event_filter = EventFilter.load(model)
    event_filter.rules(settings or FilterSettings())  # refuses what the filter does not offer
    in_vain = event_filter.saves_nothing(settings)
    if in_vain:
        log.warning(in_vain)
    theirs = names_of_skims(event_filter.skims, skim_names or {})

    class HepsetsFilter(basf2.Module):  # type: ignore[misc, name-defined]  # known at run time
        """Keep the generated events that are worth simulating."""

        def initialize(self) -> None:
            """Find what is read and written."""
            self.particles = store.PyStoreArray("MCParticles")
            self.particles.isRequired()
            self.meta_data = store.PyStoreObj("EventMetaData")
            self.extra_info = store.PyStoreObj("EventExtraInfo")
            self.extra_info.registerInDataStore()

        def event(self) -> None:
            """Decide on one event."""
            if not self.extra_info.isValid():
                self.extra_info.create()
            info = self.extra_info
            names = earlier_weights(str(name) for name in info.getNames())
            earlier = {name: np.array([float(info.getExtraInfo(name))]) for name in names}
            decision = event_filter.decide(
                event_of(self.particles).with_columns(**earlier),
                settings,
                event_numbers=np.array([event_number(self.meta_data)]),
            )
            chained = chain(earlier, event_filter.skims, decision.weights, "EventExtraInfo")
            own = {WEIGHT + skim: chained.own[:, i] for i, skim in enumerate(event_filter.skims)}
            written = in_both_names({**own, **chained.others}, theirs)
            if debug:
                written |= predictions(decision.scores, theirs)
            for name, number in written.items():
                info.setExtraInfo(name, float(number[0]))
            self.return_value(int(decision.kept[0]))

    return HepsetsFilter()


def event_of(particles: Iterable[Any]) -> Events:
    """One event from ``MCParticles``, whose units are ours: GeV, cm, ns.

    Beam particles (``isInitial``) and partons are left out as in HepMC records; so are particles that
    the simulation made.
    """
    primary = [particle for particle in particles if particle.isPrimaryParticle()]
    place = {particle.getArrayIndex(): i for i, particle in enumerate(primary)}
    momenta = np.zeros((4, len(primary)))
    positions = np.zeros((4, len(primary)))
    mothers = np.arange(len(primary))
    for i, particle in enumerate(primary):
        momentum, vertex = particle.getMomentum(), particle.getProductionVertex()
        momenta[:, i] = momentum.X(), momentum.Y(), momentum.Z(), particle.getEnergy()
        positions[:, i] = vertex.X(), vertex.Y(), vertex.Z(), particle.getProductionTime()
        mother = particle.getMother()
        if mother:
            mothers[i] = place[mother.getArrayIndex()]
    return decay_forest(
        np.array([particle.getPDG() for particle in primary], dtype=np.int64),
        momenta,
        positions,
        mothers,
        np.array([BEAM if particle.isInitial() else 0 for particle in primary], dtype=np.int64),
        np.array([0, len(primary)]),
    )


def event_number(meta_data: Any) -> int:
    """A number that no other event has, from those of experiment, run and event."""
    run = (int(meta_data.getExperiment()) << 20) + int(meta_data.getRun())
    return (run << 32) + int(meta_data.getEvent())

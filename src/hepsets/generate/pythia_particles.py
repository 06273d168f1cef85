"""The particles and decays of a decay table as Pythia 8's particle data."""

from __future__ import annotations

from typing import Any

from particle import InvalidParticle, Particle, ParticleNotFound

from hepsets.core.errors import InputError
from hepsets.core.units import MM_PER_CM, SPEED_OF_LIGHT
from hepsets.generate.decay_table import GENERATED_B, SELF_CONJUGATE, DecayTable

WEAKLY_DECAYING = (
    310, 411, 421, 431, 511, 521, 3112, 3122, 3222, 3312, 3322, 3334, 4122, 4132, 4232, 4332,
)  # fmt: skip
"""Hadrons that the generator decays after a measurable flight."""

# Particles of the table that neither Pythia nor the particle package knows: mass and width [GeV],
# 2J + 1, three times the charge. The radial D excitations follow Godfrey and Isgur,
# Phys. Rev. D 32 (1985) 189, as EvtGen does. X_s and X_u stand for inclusive hadronic systems, whose
# mass EvtGen takes from the model of each decay; here it is a broad Breit–Wigner shape.
_EXTRA = {
    30343: ("Xsd", 1.8, 0.6, 1, 0),
    30353: ("Xsu", 1.8, 0.6, 1, 3),
    30363: ("Xss", 1.9, 0.6, 1, 0),
    43: ("Xu0", 1.5, 0.6, 1, 0),
    44: ("Xu+", 1.5, 0.6, 1, 3),
    100411: ("D(2S)+", 2.580, 0.100, 1, 3),
    100421: ("D(2S)0", 2.580, 0.100, 1, 0),
    100413: ("D*(2S)+", 2.640, 0.100, 3, 3),
    100423: ("D*(2S)0", 2.640, 0.100, 3, 0),
    9920443: ("X_1(3872)", 3.87165, 0.0012, 3, 0),
}
_EXTRA_MASS_RANGE = {30343: (1.0, 3.8), 30353: (1.0, 3.8), 30363: (1.2, 3.8), 43: (0.5, 3.5), 44: (0.5, 3.5)}


def load_into(particle_data: Any, table: DecayTable) -> None:
    """Replace Pythia's decays by those of the table, adding the particles that Pythia lacks.

    Parameters
    ----------
    particle_data
        ``pythia.particleData`` of a Pythia that is not yet initialised.
    table
        The decays.
    """
    reached = _reached(particle_data, table)
    for pdg in sorted(reached - set(table.aliases)):
        if not particle_data.isParticle(pdg):
            _add_particle(particle_data, pdg)
    for own in sorted(reached & set(table.aliases)):
        _add_alias(particle_data, own, table.aliases[own])
    for mother in sorted(reached & set(table.channels)):
        entry = particle_data.particleDataEntryPtr(mother)
        entry.clearChannels()
        entry.setVarWidth(False)  # else broad resonances decay by tables that Pythia keeps by mass
        for channel in table.channels[mother]:
            entry.addChannel(1, channel.branching_fraction, channel.me_mode, *channel.products)


def set_lifetimes(particle_data: Any, table: DecayTable) -> None:
    """Give the hadrons that fly in the detector, and their aliases, the lifetimes of the Particle Data Group.

    Pythia's own are older; its B⁰ and D_s differ by one to two per cent. Aliases of the generated B
    decay where they are made, as their decay times are drawn with the pair.
    """
    namesakes = {pdg: pdg for pdg in WEAKLY_DECAYING} | {
        own: pdg
        for own, pdg in table.aliases.items()
        if pdg in WEAKLY_DECAYING and pdg not in GENERATED_B and particle_data.isParticle(own)
    }
    for own, pdg in namesakes.items():
        lifetime = float(Particle.from_pdgid(pdg).lifetime or 0)  # ns
        particle_data.readString(f"{own}:tau0 = {lifetime * SPEED_OF_LIGHT * MM_PER_CM!r}")


def _reached(particle_data: Any, table: DecayTable) -> set[int]:
    """Ids that Pythia knows already, and all that those decay to."""
    todo = [mother for mother in table.channels if particle_data.isParticle(mother)]
    todo += [own for own, pdg in table.aliases.items() if pdg in GENERATED_B]
    reached = set(todo)
    while todo:
        for channel in table.channels.get(todo.pop(), ()):
            new = {abs(pdg) for pdg in channel.products} - reached
            reached |= new
            todo.extend(new)
    return reached


def _add_particle(particle_data: Any, pdg: int) -> None:
    if pdg in _EXTRA:
        name, mass, width, spin_type, charge_type = _EXTRA[pdg]
        self_conjugate = pdg in SELF_CONJUGATE
    else:
        try:
            known = Particle.from_pdgid(pdg)
        except (ParticleNotFound, InvalidParticle) as error:
            raise InputError(
                f"particle {pdg} of the decay table has no known mass",
                "an id of Pythia or of the particle package",
            ) from error
        name, self_conjugate = known.name, known.is_self_conjugate
        mass, width = (known.mass or 0.0) / 1000, (known.width or 0.0) / 1000
        spin_type = round(2 * float(known.J or 0) + 1)
        charge_type = round(3 * float(known.charge or 0))
    low, high = _EXTRA_MASS_RANGE.get(pdg, (max(0.0, mass - 3 * width), mass + 3 * width))
    names = (name,) if self_conjugate else (name, f"{name}bar")
    particle_data.addParticle(pdg, *names, spin_type, charge_type, 0, mass, width, low, high)


def _add_alias(particle_data: Any, own: int, pdg: int) -> None:
    names = [particle_data.name(pdg), particle_data.name(-pdg)][: 1 + particle_data.hasAnti(pdg)]
    particle_data.addParticle(
        own,
        *names,
        particle_data.spinType(pdg),
        particle_data.chargeType(pdg),
        0,
        particle_data.m0(pdg),
        particle_data.mWidth(pdg),
        particle_data.mMin(pdg),
        particle_data.mMax(pdg),
    )

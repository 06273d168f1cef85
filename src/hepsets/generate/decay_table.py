"""Belle II's decay table, read from decaylanguage, with the matrix elements that Pythia 8 has for it.

The table (``DECAY_BELLE2.DEC``) is written for EvtGen. Pythia knows other decay models, so every
EvtGen model becomes the nearest Pythia matrix-element code (``meMode``); what is lost by that is
listed in docs/generation.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from decaylanguage.data import basepath
from decaylanguage.dec.enums import known_decay_models
from numpy.typing import NDArray
from particle import InvalidParticle, Particle, ParticleNotFound
from particle.converters import EvtGenName2PDGIDBiMap
from particle.exceptions import MatchingIDNotFound

from hepsets.core.errors import InputError

MAX_PRODUCTS = 8
"""Pythia's limit on the products of one channel."""

ALIAS_BASE = 9_100_000
"""Aliases (``K*0R``, ``phiR``, …) decay unlike their namesakes: inside Pythia they are particles of
their own, with ids above this one."""

PHASE_SPACE, OMEGA_TO_3PI, VECTOR_TO_2PS, DALITZ, WEAK = 0, 1, 2, 11, 22
"""The ``meMode`` codes of Pythia that EvtGen's models become."""

_CODE_OF_MODEL = {"VSS": VECTOR_TO_2PS, "PI0_DALITZ": DALITZ, "OMEGA_DALITZ": OMEGA_TO_3PI} | dict.fromkeys(
    (
        "BCL", "BGL", "GOITY_ROBERTS", "HQET3", "ISGW2", "LLSW", "SLBKPOLE", "SLPOLE", "VUB",
    ),
    WEAK,
)  # fmt: skip

GENERATED_B = (511, 521)
"""The B mesons that are generated; their channels are loaded in two parts, see :class:`DecayTable`."""

SELF_CONJUGATE = frozenset({30363, 43, 9920443})
"""Of the particles that only the table knows, those that are their own antiparticles."""

_TAU = 15
_NEUTRINOS = frozenset({12, 14, 16})
_CHARGED_LEPTONS = frozenset({11, 13, 15})


@dataclass(frozen=True)
class Channel:
    """One decay channel.

    Parameters
    ----------
    branching_fraction
        As written in the table (a mother's fractions need not sum to one).
    products
        PDG ids, in the order in which Pythia's matrix elements want them; aliases have ids of
        their own.
    me_mode
        Pythia's matrix-element code.
    """

    branching_fraction: float
    products: tuple[int, ...]
    me_mode: int


@dataclass(frozen=True)
class DecayTable:
    """The decays of all particles of the table; those of antiparticles follow by conjugation.

    Parameters
    ----------
    channels
        Channels of each mother, by PDG id or alias id, all positive.
    inclusive
        For each generated B the id under which its inclusive (quark-level) channels are loaded, and
        their share of all its decays. EvtGen gives up an inclusive decay whose hadrons happen to be
        those of a channel that the table lists (listed with fraction zero in order to forbid it,
        often); to do the same one has to know which decays were inclusive.
    aliases
        PDG id that each alias id stands for.
    left_out
        What Pythia cannot hold, in words: channels with too many products, and mothers of which the
        table leaves a part to the generator (those keep Pythia's own table).
    """

    channels: Mapping[int, tuple[Channel, ...]]
    inclusive: Mapping[int, tuple[int, float]]
    aliases: Mapping[int, int]
    left_out: tuple[str, ...]


@lru_cache(maxsize=1)
def belle2_decay_table() -> DecayTable:
    """Belle II's table as decaylanguage ships it, read once per process."""
    return parse_decay_table((basepath / "DECAY_BELLE2.DEC").read_text())


def parse_decay_table(text: str) -> DecayTable:
    """Read the ``Alias``, ``ChargeConj``, ``ModelAlias`` and ``Decay`` statements of a DEC file.

    decaylanguage's own parser takes two seconds for this file, in every worker process; the part
    of the format that is needed here takes less than a tenth (a test compares the two).

    Raises
    ------
    InputError
        For a channel without a decay model or with an unknown particle.
    """
    text = re.sub(r"#.*", "", text)
    ids = _ids_of_names(text)
    models = dict(re.findall(r"^\s*ModelAlias\s+(\S+)\s+([^\s;]+)", text, re.MULTILINE))
    channels: dict[int, tuple[Channel, ...]] = {}
    left_out: list[str] = []
    for name, block in re.findall(r"^\s*Decay\s+(\S+)(.*?)^\s*Enddecay", text, re.MULTILINE | re.DOTALL):
        mother = ids(name)
        # the table is CP symmetric, and Pythia conjugates; its own tau decays are better (spin)
        if mother < 0 or mother == _TAU:
            continue
        lines = [words for words in map(str.split, block.split(";")) if words]
        found = [_channel(mother, words, models, ids) for words in lines]
        if any(channel.branching_fraction > 0 and not channel.products for channel in found):
            left_out.append(f"{name}: all of it, as a part is left to the generator")
            continue
        too_long = [
            words for words, channel in zip(lines, found, strict=True) if len(channel.products) > MAX_PRODUCTS
        ]
        left_out.extend(f"{name} -> {' '.join(words[1:])}" for words in too_long)
        chosen = [c for c in found if c.products and len(c.products) <= MAX_PRODUCTS]
        if chosen:
            channels[mother] = tuple(chosen)
    inclusive: dict[int, tuple[int, float]] = {}
    for mother in filter(channels.get, GENERATED_B):
        quark_level = [c for c in channels[mother] if _is_quark_level(c)]
        total = sum(c.branching_fraction for c in channels[mother])
        own = ids.new_alias(mother)
        inclusive[mother] = own, sum(c.branching_fraction for c in quark_level) / total
        channels[own] = tuple(quark_level)
        channels[mother] = tuple(c for c in channels[mother] if not _is_quark_level(c))
    return DecayTable(channels, inclusive, ids.aliases, tuple(left_out))


@lru_cache(maxsize=4096)
def conjugate(pdg: int) -> int:
    """PDG id of the antiparticle; the id itself for a particle that is its own."""
    try:
        return int(Particle.from_pdgid(pdg).invert().pdgid)
    except (ParticleNotFound, InvalidParticle):
        return pdg if pdg in SELF_CONJUGATE else -pdg


def is_parton(pdg: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Whether ids are quarks, gluons, diquarks or Pythia's placeholders (81–90), of any shape."""
    size = np.abs(pdg)
    diquark = (size > 1000) & (size < 10_000) & (size // 10 % 10 == 0)
    parton: NDArray[np.bool_] = (size <= 8) | (size == 21) | diquark | ((size > 80) & (size <= 90))
    return parton


def _is_quark_level(channel: Channel) -> bool:
    return bool(is_parton(np.array(channel.products)).any())


class _Names:
    """EvtGen names to PDG ids, with ids of their own for aliases."""

    def __init__(self, namesakes: Mapping[str, str], conjugates: Mapping[str, str]) -> None:
        self._namesakes = namesakes
        self._conjugates = conjugates
        self._own: dict[str, int] = {}
        self.aliases: dict[int, int] = {}

    def __call__(self, name: str) -> int:
        if name in self._own:
            return self._own[name]
        namesake = self._namesakes.get(name)
        if namesake is None:
            try:
                self._own[name] = int(EvtGenName2PDGIDBiMap[name])
            except MatchingIDNotFound as error:
                raise InputError(f"unknown particle {name!r} in the decay table", "EvtGen's names") from error
        else:
            pdg = self(namesake)
            if pdg < 0:
                self._own[name] = -self(self._conjugates[name])
            else:
                self._own[name] = self.new_alias(pdg)
        return self._own[name]

    def new_alias(self, pdg: int) -> int:
        """A new id for a particle that decays unlike ``pdg`` but is one."""
        own = ALIAS_BASE + 20_000 * len(self.aliases) + pdg
        self.aliases[own] = pdg
        return own


def _ids_of_names(text: str) -> _Names:
    namesakes = dict(re.findall(r"^\s*Alias\s+(\S+)\s+(\S+)", text, re.MULTILINE))
    pairs = re.findall(r"^\s*ChargeConj\s+(\S+)\s+(\S+)", text, re.MULTILINE)
    return _Names(namesakes, dict(pairs) | {second: first for first, second in pairs})


def _channel(mother: int, words: list[str], models: Mapping[str, str], ids: _Names) -> Channel:
    at = next((k for k, word in enumerate(words) if word in known_decay_models or word in models), None)
    if at is None:
        raise InputError(f"decay channel {' '.join(words)!r} without a decay model", "a model of EvtGen")
    products = _with_lepton_numbers(mother, [ids(word) for word in words[1:at] if word != "PHOTOS"])
    rest = [word for word in words[at:] if word != "PHOTOS"]
    model = models.get(rest[0], rest[0])
    code = int(float(rest[1])) if model == "PYTHIA" else _CODE_OF_MODEL.get(model, PHASE_SPACE)
    return Channel(float(words[0]), tuple(_ordered(mother, products, code)), code)


def lepton_numbers(pdg: int) -> tuple[int, int, int]:
    """Electron, muon and tau number of a particle.

    Examples
    --------
    >>> lepton_numbers(11), lepton_numbers(-14), lepton_numbers(211)
    ((1, 0, 0), (0, -1, 0), (0, 0, 0))
    """
    sign = 1 if pdg > 0 else -1
    electron, muon, tau = (sign if abs(pdg) in family else 0 for family in ((11, 12), (13, 14), (15, 16)))
    return electron, muon, tau


def _with_lepton_numbers(mother: int, products: list[int]) -> list[int]:
    """The products, with a neutrino turned into its antineutrino where that saves the lepton numbers.

    The table of Belle II has K⁰_S and K⁰_L → π⁺ e⁻ ν_e: EvtGen decays these by phase space and does not look.
    A channel that no neutrino can mend stays as it is: it may be meant.
    """
    for family, neutrino in enumerate((12, 14, 16)):
        surplus = sum(lepton_numbers(pdg)[family] for pdg in products) - lepton_numbers(mother)[family]
        wrong = neutrino if surplus == 2 else -neutrino if surplus == -2 else 0
        if wrong in products:
            place = products.index(wrong)
            products = [*products[:place], -wrong, *products[place + 1 :]]
    return products


def _ordered(mother: int, products: list[int], code: int) -> list[int]:
    """Products in the order that Pythia's matrix elements expect.

    b → c ℓ ν wants ν, ℓ, hadrons; c → s ℓ ν wants ℓ, ν, hadrons (the matrix element is
    (p₀·p₁)(p₂·p₃), Sjöstrand et al., JHEP 05 (2006) 026, section 13.3); a Dalitz pair comes last.
    """
    if code == DALITZ:
        return sorted(products, key=lambda pdg: abs(pdg) in _CHARGED_LEPTONS)
    if code != WEAK:
        return products
    first, second = _NEUTRINOS, _CHARGED_LEPTONS
    if _quark_digits(mother, 5) == 0 and _quark_digits(mother, 4) > 0:
        first, second = second, first
    return sorted(products, key=lambda pdg: 0 if abs(pdg) in first else 1 if abs(pdg) in second else 2)


def _quark_digits(pdg: int, flavour: int) -> int:
    """How many quarks of a flavour the id of a hadron names."""
    return str(abs(pdg) // 10 % 1000).count(str(flavour))

"""Decay one B into what the hadronic tag reconstructs, just as often in each way as the decay table says.

Correctly tagged events are rare: a B decays so in about one of a hundred cases. Here the decay table
is conditioned on it. Which chains of the table lead to the tag's final states, and how likely each is,
follows by recursion; every particle of such a chain becomes an alias that can only decay onward along
chains of its own. So the forced decays have the resonances and the relative frequencies of the
generic ones, and no event has to be thrown away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations

from hepsets.generate.decay_table import Channel, DecayTable, belle2_decay_table, conjugate
from hepsets.generate.tag_modes import B_MODES, CHARM_MODES, EXCITED_MODES, Content

TAG_ALIAS_BASE = 9_300_000
"""Aliases of forced decays have ids above this one, those of the table below it."""

_LEAVES = frozenset({211, 321, 111, 22})
"""What ends a chain; π⁰ decay as they like."""

_K_LONG = 130
"""The table has its decays, but it flies into the detector before them."""


@dataclass(frozen=True)
class TagDecays:
    """The decays that lead to a tag.

    Parameters
    ----------
    table
        Belle II's decay table, with the aliases of the forced decays added.
    own_id
        Id of the alias of B⁰ and B⁺ that decays into a tag.
    branching_fraction
        Share of all decays of B⁰ and B⁺ that do so: along listed channels and with all charm mesons
        decaying into the tag's modes.
    """

    table: DecayTable
    own_id: Mapping[int, int]
    branching_fraction: Mapping[int, float]


@cache
def tag_decays() -> TagDecays:
    """The tag decays of Belle II's table, derived once per process."""
    return force_tag_decays(belle2_decay_table())


def force_tag_decays(table: DecayTable) -> TagDecays:
    """Condition the decays of the B mesons of a table on being a tag."""
    chains = _Chains(table)
    own_id = {b: chains.alias(b) for b in B_MODES}
    return TagDecays(
        DecayTable(
            {**table.channels, **chains.channels},
            table.inclusive,
            {**table.aliases, **chains.aliases},
            table.left_out,
        ),
        own_id,
        {b: chains.share(b) for b in B_MODES},
    )


def final_contents(modes: Iterable[Content]) -> frozenset[Content]:
    """What the modes end in, with excited charm mesons decayed."""
    contents: set[Content] = set()
    for mode in modes:
        expanded: list[Content] = [()]
        for pdg in mode:
            ways = EXCITED_MODES.get(abs(pdg), ((abs(pdg),),))
            expanded = [(*done, *_signed(way, pdg)) for done in expanded for way in ways]
        contents.update(_content(ids) for ids in expanded)
    return frozenset(contents)


def _content(ids: Iterable[int]) -> Content:
    return tuple(sorted(ids))


def _signed(ids: Iterable[int], sign: int) -> Content:
    return tuple(ids) if sign > 0 else tuple(conjugate(pdg) for pdg in ids)


_MODES = {**B_MODES, **CHARM_MODES}
_CONTENTS = {mother: final_contents(modes) for mother, modes in _MODES.items()}


@dataclass(frozen=True)
class _Way:
    """One channel with a content for each of its products (None: it decays freely)."""

    probability: float
    channel: Channel
    contents: tuple[Content | None, ...]


class _Chains:
    """All chains of a table that end in a tag, with their probabilities."""

    def __init__(self, table: DecayTable) -> None:
        self._table = table
        self._ways: dict[tuple[int, bool], dict[Content, list[_Way]]] = {}
        self._ids: dict[tuple[int, Content | None], int] = {}
        self.channels: dict[int, tuple[Channel, ...]] = {}
        self.aliases: dict[int, int] = {}
        # of the steps on the way to the tag only those matter that can still become a mode
        self._useful = {
            beauty: {
                part
                for mother, contents in _CONTENTS.items()
                if (mother in B_MODES) == beauty
                for content in contents
                for part in _parts({*contents, *(_content(_signed(c, -1)) for c in contents)})
                if content
            }
            for beauty in (True, False)
        }

    def share(self, mother: int) -> float:
        """Share of the decays of a B, charm meson or K_S that the tag reconstructs."""
        ways = self._ways_to(mother, mother in B_MODES)
        return sum(way.probability for content in _CONTENTS[mother] for way in ways.get(content, ()))

    def alias(self, mother: int, content: Content | None = None, beauty: bool = True) -> int:
        """Id of the particle that decays only to ``content``, or to the tag's modes."""
        key = mother, content
        if key not in self._ids:
            namesake = self._table.aliases.get(mother, mother)
            own = self._new_id(namesake)
            self._ids[key] = own
            self.aliases[own] = namesake
            beauty = mother in B_MODES or (beauty and mother not in CHARM_MODES)
            ways = self._ways_to(mother, beauty)
            wanted = _CONTENTS[mother] if content is None else (content,)
            self.channels[own] = tuple(
                Channel(way.probability, self._products(way, beauty), way.channel.me_mode)
                for one in sorted(wanted)
                for way in ways.get(one, ())
            )
        return self._ids[key]

    def _new_id(self, namesake: int) -> int:
        """A new id; Pythia reads spin and flavour from its digits.

        The last three are those of the namesake. The fourth is 0 for pseudoscalars and for them alone: to
        Pythia they are mesons without orbital excitation, and what they decay to is polarised.
        """
        pseudoscalar = namesake % 10 == 1
        number = sum((own % 10 == 1) == pseudoscalar for own in self.aliases)
        place = 10 * number if pseudoscalar else 10 * (number // 9) + 1 + number % 9
        return TAG_ALIAS_BASE + 1000 * place + namesake % 1000

    def _products(self, way: _Way, beauty: bool) -> tuple[int, ...]:
        products = []
        for pdg, content in zip(way.channel.products, way.contents, strict=True):
            if abs(pdg) in _LEAVES:
                products.append(pdg)
            else:
                sign = 1 if pdg > 0 else -1
                own = content if content is None else _content(_signed(content, sign))
                products.append(sign * self.alias(abs(pdg), own, beauty))
        return tuple(products)

    def _ways_to(self, mother: int, beauty: bool) -> dict[Content, list[_Way]]:
        """For each useful content the ways in which ``mother`` (positive) decays to it."""
        key = mother, beauty
        if key not in self._ways:
            ways: dict[Content, list[_Way]] = {}
            channels = self._table.channels.get(mother, ()) if mother != _K_LONG else ()
            total = sum(channel.branching_fraction for channel in channels)
            if mother in self._table.inclusive:
                total /= 1 - self._table.inclusive[mother][1]
            for channel in channels:
                if channel.branching_fraction > 0:
                    for content, probability, contents in self._expand(channel, beauty):
                        way = _Way(probability * channel.branching_fraction / total, channel, contents)
                        ways.setdefault(content, []).append(way)
            self._ways[key] = ways
        return self._ways[key]

    def _expand(
        self, channel: Channel, beauty: bool
    ) -> list[tuple[Content, float, tuple[Content | None, ...]]]:
        """All useful contents of a channel, with their probabilities and those of each product."""
        done: list[tuple[Content, float, tuple[Content | None, ...]]] = [((), 1.0, ())]
        for pdg in channel.products:
            done = [
                (joined, probability * chance, (*contents, own))
                for content, probability, contents in done
                for part, chance, own in self._options(pdg, beauty)
                if (joined := _content(content + part)) in self._useful[beauty]
            ]
        return done

    def _options(self, pdg: int, beauty: bool) -> list[tuple[Content, float, Content | None]]:
        size = abs(pdg)
        if size in _LEAVES:
            return [((pdg,), 1.0, None)]
        if size in CHARM_MODES:
            # a charm meson ends the chain of a B, and begins one of its own; so does a K_S
            return [((pdg,), self.share(size), None)]
        found = self._ways_to(size, beauty)
        options: list[tuple[Content, float, Content | None]] = []
        for content, ways in found.items():
            own = _content(_signed(content, pdg))
            options.append((own, sum(way.probability for way in ways), own))
        return options


def _parts(contents: Iterable[Content]) -> set[Content]:
    """All that can be a part of one of the contents."""
    return {
        part
        for content in contents
        for size in range(1, len(content) + 1)
        for part in combinations(content, size)
    }

"""PDG ids to tokens for embeddings, with a token for what training never saw."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from particle import InvalidParticle, Particle, ParticleNotFound

from hepsets.core.errors import InputError
from hepsets.core.record import parse

UNKNOWN = 0
"""Token of every id that is not in the map."""

_SMALL = 2**15
"""Tokens of ids up to here are looked up in a table, others sought."""


@dataclass(frozen=True)
class PdgMap:
    """Which token stands for which PDG id; token 0 is ``<unknown>``.

    Parameters
    ----------
    ids
        Distinct PDG ids; ``ids[k]`` has token ``k + 1``.
    """

    ids: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(set(self.ids)) != len(self.ids):
            raise InputError("a PDG map with an id twice", "distinct ids")

    def __len__(self) -> int:
        """Number of tokens, ``<unknown>`` included: the rows of an embedding."""
        return len(self.ids) + 1

    @classmethod
    def fit(cls, pdg: NDArray[np.integer[Any]], *, min_count: int = 1) -> Self:
        """The map of all ids that occur at least ``min_count`` times in any array of training ids."""
        ids, counts = np.unique(pdg, return_counts=True)
        return cls(tuple(int(i) for i in ids[counts >= min_count]))

    @classmethod
    def from_json(cls, path: str | Path) -> Self:
        """Read the study's map, a JSON list of ``[pdg, token]`` pairs, in the order of its tokens.

        Raises
        ------
        InputError
            If the file is not such a list.
        """
        try:
            pairs = parse(Path(path).read_text())
            ordered = sorted((int(token), int(pdg)) for pdg, token in pairs)
        except (OSError, ValueError, TypeError) as error:
            raise InputError(
                f"{path} is no PDG map ({error})", "a JSON list of [pdg, token] pairs"
            ) from error
        return cls(tuple(pdg for _, pdg in ordered))

    @cached_property
    def _sorted(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        ids = np.asarray(self.ids, dtype=np.int64)
        order = np.argsort(ids)
        return ids[order], order + 1

    def tokens(self, pdg: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """Token of each id, same shape as ``pdg``; :data:`UNKNOWN` where the map has none."""
        pdg = np.asarray(pdg).astype(np.int64, copy=False)
        usual = (pdg >= -_SMALL) & (pdg <= _SMALL)
        found: NDArray[np.int64] = self._of_small[np.where(usual, pdg, 0) + _SMALL]
        if not usual.all():
            found[~usual] = self._sought(pdg[~usual])
        return found

    @cached_property
    def _of_small(self) -> NDArray[np.int64]:
        """Tokens of all ids from -``_SMALL`` to ``_SMALL``, which nearly all particles have."""
        return self._sought(np.arange(-_SMALL, _SMALL + 1))

    def _sought(self, pdg: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        ids, tokens = self._sorted
        if not len(ids):
            return np.zeros(pdg.shape, dtype=np.int64)
        found = np.minimum(np.searchsorted(ids, pdg), len(ids) - 1)
        return np.where(ids[found] == pdg, tokens[found], UNKNOWN)

    def unknown(self, pdg: NDArray[np.integer[Any]]) -> dict[int, int]:
        """Ids in ``pdg``, any array of them, that the map lacks, with how often each occurs."""
        ids, counts = np.unique(pdg, return_counts=True)
        lost = self.tokens(ids) == UNKNOWN
        return {int(i): int(n) for i, n in zip(ids[lost], counts[lost], strict=True)}

    @property
    def names(self) -> list[str]:
        """A name for each token, in token order, beginning with ``<unknown>``."""
        return ["<unknown>", *particle_names(self.ids)]


def particle_names(ids: Iterable[int]) -> list[str]:
    """Name of each PDG id, or the number itself where the particle tables have none."""
    return [particle_name(int(i)) for i in ids]


@lru_cache(maxsize=4096)
def particle_name(pdg: int) -> str:
    """Name of a PDG id, for example ``"B0"``; the number itself if it is unknown."""
    try:
        return str(Particle.from_pdgid(pdg).name)
    except (ParticleNotFound, InvalidParticle):
        return str(pdg)

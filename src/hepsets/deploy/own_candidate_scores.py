"""Scores of models that were trained on a user's own sets, for more files of the same column map."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets
from hepsets.deploy.apply import Columns
from hepsets.formats.candidate_map import CandidateMap
from hepsets.formats.candidate_sets import CandidateCounts, Collision, iter_candidates
from hepsets.select.variables.continuum import continuum_variables
from hepsets.select.variables.own_frames import own_frame_variables
from hepsets.simulate.belle2 import BELLE2

AT_ONCE = 5000
"""So many candidates are scored at a time."""


class OwnCandidateScoring:
    """What a model says of the candidates of a file, see :class:`hepsets.deploy.apply.Scoring`.

    One column, float32; NaN for candidates that lack a number that the model needs. What it does not see,
    such as the label, may be missing.

    Parameters
    ----------
    score
        Gives the probability of candidates to be signal, shape ``(n,)``.
    of_map
        What the file calls what.
    path, tree
        The file.
    """

    of_table: Callable[[pa.Table], Columns] | None = None

    def __init__(
        self,
        score: Callable[[ParticleSets], NDArray[np.float32]],
        of_map: CandidateMap,
        path: Path,
        tree: str | None,
    ) -> None:
        self.score, self.of_map, self.path, self.tree = score, of_map, path, tree
        self.counts = CandidateCounts()

    def pieces(self) -> Iterator[Columns]:
        """Scores of some thousand candidates at a time.

        Raises
        ------
        InputError
            For what :func:`hepsets.formats.candidate_sets.iter_candidates` refuses.
        """
        source = f"{self.path}:{self.tree}" if self.tree else self.path
        collision = Collision(BELLE2.beams.velocity, BELLE2.beams.energy)
        for piece in iter_candidates(source, self.of_map, collision, usual=False):
            self.counts += piece.counts
            for begin in range(0, len(piece.sets), AT_ONCE):
                complete = piece.complete[begin : begin + AT_ONCE]
                found = np.full(len(complete), np.nan, dtype=np.float32)
                if complete.any():
                    found[complete] = self._of(piece.sets[begin : begin + AT_ONCE][complete])
                yield {"": found}

    def _of(self, sets: ParticleSets) -> NDArray[np.float32]:
        known = continuum_variables(sets, BELLE2.beams.energy)
        own = own_frame_variables(sets, BELLE2.beams.energy)
        try:
            return self.score(sets.with_columns(**known, **own))
        except InputError as error:
            raise error.within(self.path) from error

    def lines(self) -> list[str]:
        """What was read, masked and not scored."""
        return self.counts.lines()

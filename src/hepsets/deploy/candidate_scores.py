"""Trained models of candidates, on sets of particles or on variables, as they are applied to files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.parquet import open_parquet
from hepsets.core.particle_sets import ParticleSets
from hepsets.deploy.apply import Columns, Scoring
from hepsets.deploy.onnx.particle_sets import OnnxSetModel
from hepsets.deploy.own_candidate_scores import OwnCandidateScoring
from hepsets.formats.belle2_ntuple import MISSING, NOT_NEGATIVE
from hepsets.formats.candidate_map import CandidateMap
from hepsets.formats.candidate_sets import tree_with
from hepsets.formats.column_names import find_layout
from hepsets.formats.event_lists import choose_tree
from hepsets.formats.root_files import in_steps, opened, trees_of
from hepsets.learn.particle_sets.model import SetModel
from hepsets.learn.tables.boosted_trees import BoostedTrees
from hepsets.learn.training.score import score
from hepsets.select.variables.continuum import VARIABLES, continuum_variables
from hepsets.select.variables.own_frames import OWN_VARIABLES, own_frame_variables
from hepsets.simulate.belle2 import BELLE2

Rows = Mapping[str, NDArray[Any]]

NOT_SEEN = ("label", "weight", "mbc", "delta_e", "experiment", "run", "event_number")
"""Columns of a map that models do not see: a file to be scored need not have them."""


@dataclass(frozen=True, eq=False)
class CandidateScorer:
    """A model of candidates, see :class:`hepsets.deploy.apply.Scorer`.

    Parameters
    ----------
    model
        Trees, or a network.
    path
        Its file.
    """

    model: BoostedTrees | SetModel | OnnxSetModel
    path: Path

    @property
    def variables(self) -> tuple[str, ...]:
        """Columns of a candidate that it sees."""
        model = self.model
        return model.variables if isinstance(model, BoostedTrees) else model.event_features

    @property
    def of_map(self) -> CandidateMap | None:
        """The column map of the files that the model was trained on, if these were a user's with sets."""
        if not self.model.made_of:
            return None
        try:
            return CandidateMap.read(self.model.made_of).without(*NOT_SEEN)
        except InputError as error:
            raise error.within(self.path) from error

    @property
    def takes_rows(self) -> bool:
        """Whether these are all that it sees, so that an ntuple can be scored."""
        return isinstance(self.model, BoostedTrees) or not self.model.sets

    def score(self, events: ParticleSets) -> NDArray[np.float32]:
        """Probability to be signal, shape ``(n_events,)``."""
        model = self.model
        return score(model, events) if isinstance(model, SetModel) else model.score(events)

    def score_rows(self, rows: Rows) -> NDArray[np.float32]:
        """The same of columns of shape ``(n,)``; NaN where a number is not finite, or is missing."""
        matrix = np.stack([np.asarray(rows[name], dtype=np.float32) for name in self.variables], axis=1)
        good = np.isfinite(matrix).all(axis=1)
        for name, column in zip(self.variables, matrix.T, strict=True):
            if name in NOT_NEGATIVE:
                good &= column != MISSING
        found = np.full(len(matrix), np.nan, dtype=np.float32)
        if good.any():
            columns = dict(zip(self.variables, matrix[good].T, strict=True))
            found[good] = self.score(
                ParticleSets({"px": np.zeros(0)}, np.zeros(int(good.sum()) + 1, dtype=np.int64), columns)
            )
        return found

    def record(self) -> dict[str, object]:
        """Its file, the variables that it sees, and the column map of the files that it was trained on."""
        made_of = {"map": self.model.made_of} if self.model.made_of else {}
        return {"model": self.path.name, "variables": self.variables, **made_of}

    def branches(self, there: Collection[str], where: str) -> dict[str, str]:
        """What each variable is called in a file with the columns ``there``.

        Raises
        ------
        InputError
            If one is missing; ``where`` names the file.
        """
        if not self.takes_rows:
            raise InputError(
                f"{where}, rows of variables, for {self.path.name}",
                "particles by event, which it was trained on",
                "take a model that sees variables alone, such as bdt",
            )
        found = {name: name for name in self.variables if name in there}
        if set(found) >= set(self.variables):
            return found
        known = find_layout(list(there), where) if set(self.variables) - set(found) & set(VARIABLES) else None
        if known is not None:
            found = {**known.columns, **known.branches, **found}
        missing = [name for name in self.variables if name not in found]
        if missing:
            raise InputError(f"{where} lacks {', '.join(missing)}", "the variables that the model sees")
        return {name: found[name] for name in self.variables}

    def tree_of(self, path: Path, tree: str | None) -> str:
        """The tree of a ROOT file that holds the variables, or the lists of the model's map."""
        of_map = self.of_map
        if of_map is not None:
            return tree_with(path, tree, of_map)

        def fits(names: Collection[str]) -> bool:
            try:
                self.branches(names, str(path))
            except InputError:
                return False
            return True

        what = "a tree with the variables of the model, one row per candidate"
        with opened(path) as file:
            return choose_tree(path, trees_of(file), tree, what=what, known_by=fits)

    def scoring(self, path: Path, tree: str | None) -> Scoring:
        """The scores of a file."""
        of_map = self.of_map
        if of_map is not None:
            return OwnCandidateScoring(self.score, of_map, path, tree)
        return CandidateScoring(self, path, tree)


class CandidateScoring:
    """What a model says of the candidates of a file, see :class:`hepsets.deploy.apply.Scoring`.

    One column, float32; NaN where a variable is not finite or missing.

    Parameters
    ----------
    scorer
        The model.
    path, tree
        The file.
    """

    def __init__(self, scorer: CandidateScorer, path: Path, tree: str | None) -> None:
        self.scorer, self.path, self.tree = scorer, path, tree
        self.rows = self.unscored = 0
        self.of_table: Callable[[pa.Table], Columns] | None = None
        if tree is None:
            with open_parquet(path) as file:
                names = file.schema_arrow.names
            if "particles" in names:
                self.of_table = self._of_sets
            else:
                branches = scorer.branches(names, str(path))
                self.of_table = lambda table: self._of_rows(
                    {name: _numbers(table, branch, str(path)) for name, branch in branches.items()}
                )

    def pieces(self) -> Iterator[Columns]:
        """Of a ROOT tree, piece by piece.

        Raises
        ------
        InputError
            For missing branches, and those that do not hold one number per candidate.
        """
        assert self.tree is not None
        with opened(self.path) as file:
            tree = trees_of(file)[self.tree]
            where = f"{self.path}: tree {self.tree!r}"
            branches = self.scorer.branches(tree.keys(), where)
            names = set(branches.values())
            for piece in in_steps(tree, names, "np"):
                rows = {name: piece[branch] for name, branch in branches.items()}
                bad = [branches[name] for name, column in rows.items() if column.dtype.kind not in "biuf"]
                if bad:
                    raise InputError(f"{where}: branch {bad[0]} without numbers", "one number per candidate")
                yield self._of_rows(rows)

    def lines(self) -> list[str]:
        """How many there were, and how many without a score."""
        told = [f"{self.rows} candidates"]
        if self.unscored:
            told.append(
                f"{self.unscored} candidates without a score (NaN): a variable is NaN, infinite or missing"
            )
        return told

    def _of_rows(self, rows: Rows) -> Columns:
        found = self.scorer.score_rows(rows)
        self.rows += len(found)
        self.unscored += int(np.isnan(found).sum())
        return {"": found}

    def _of_sets(self, table: pa.Table) -> Columns:
        needed = {*self.scorer.variables, "candidate_energy"}
        names = [name for name in table.column_names if name == "particles" or _is_number(table, name)]
        sets = ParticleSets.from_arrow(table.select(names), source=str(self.path))
        try:
            ParticleSets(sets.particles, sets.offsets).validate()
            found = self.scorer.score(_with_variables(sets, needed))
        except InputError as error:
            raise error.within(self.path) from error
        self.rows += len(found)
        return {"": found}


def _with_variables(sets: ParticleSets, needed: Collection[str]) -> ParticleSets:
    """The sets with the event-shape variables that are needed and not there."""
    for names, make in ((VARIABLES, continuum_variables), (OWN_VARIABLES, own_frame_variables)):
        if any(name in needed and name not in sets.columns for name in names):
            sets = sets.with_columns(**make(sets, BELLE2.beams.energy))
    return sets


def _is_number(table: pa.Table, name: str) -> bool:
    column = table.column(name)
    kind = column.type
    plain = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    return bool(plain and not column.null_count)


def _numbers(table: pa.Table, name: str, where: str) -> NDArray[np.float64]:
    """A column as numbers, nulls as NaN."""
    try:
        return np.asarray(table.column(name).cast(pa.float64()).to_numpy())
    except pa.ArrowException as error:
        raise InputError(f"{where}: column {name} without numbers", "one number per candidate") from error

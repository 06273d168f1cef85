"""Trained flavour taggers as they are applied to files of Z decays: probabilities of flavours by event."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from hepsets.core.errors import InputError
from hepsets.core.vertexed_events import VertexedEvents, iter_vertexed_events
from hepsets.deploy.apply import Columns
from hepsets.deploy.onnx.vertexed_events import OnnxVertexedModel
from hepsets.formats.event_lists import choose_tree
from hepsets.formats.fcc_tree import WHAT, is_fcc_tree, iter_fcc_trees
from hepsets.formats.read_counts import CountedEvents, ReadCounts, Tally
from hepsets.formats.recognise import Format, recognise
from hepsets.formats.root_files import opened, trees_of
from hepsets.learn.tables.class_trees import ClassTrees
from hepsets.learn.training.score import score_heads
from hepsets.learn.vertexed_events.model import Level, VertexedModel
from hepsets.represent.vertexed_events.data import VertexedData
from hepsets.represent.vertexed_events.hemispheres import hemispheres
from hepsets.represent.vertexed_events.identification import DNDX, TOF, TRUTH, Identification
from hepsets.represent.vertexed_events.inputs import proper_inputs
from hepsets.represent.vertexed_events.table import TreeTable, tree_table

CHECKED_EVENTS = 2000
"""So many events of a file are compared with the training before any is scored."""

CHECKED_PARTICLES = 2000
"""In fewer particles a feature may be constant by chance: then nothing is refused."""

REFUSED = frozenset({*DNDX, *TOF, *TRUTH, *(f"sum_{name}" for name in (*DNDX, *TOF, *TRUTH))})
"""Features without which a tagger has nothing to say of kinds of particles."""
LACKING = 3
"""So many of :data:`REFUSED` that vary in training and not in the file: it is not tagged."""

VERTEX_THEM = (
    "find vertices first, in Python: from hepsets.select.vertices.event import vertexed; "
    'hs.write(vertexed(hs.read("seen.parquet"), vertices="found"), "vertexed.parquet")'
)
"""What to do with events as a detector saw them."""


@dataclass(frozen=True)
class FlavourTrees:
    """Trees as a tagger: with what their variables are made of.

    Parameters
    ----------
    trees
        As a run grew them.
    level, identification
        What is tagged, and what is known of kinds of particles.
    """

    trees: ClassTrees
    level: Level
    identification: Identification
    charge = False

    @classmethod
    def of(cls, trees: ClassTrees, path: Path) -> Self:
        """Trees of a file.

        Raises
        ------
        InputError
            If they do not say what they are made of.
        """
        try:
            level: Level = TypeAdapter(Level).validate_python(trees.made_of.get("level"))
            known = TypeAdapter(Identification).validate_python(trees.made_of.get("identification"))
        except ValidationError as error:
            raise InputError(
                f"{path} holds trees that do not say what they were grown on",
                "trees of hepsets run z-flavour",
                "run it anew with this version",
            ) from error
        return cls(trees, level, known)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the flavours."""
        return self.trees.classes

    def score(self, events: VertexedEvents) -> NDArray[np.float32]:
        """Probability of each class, shape ``(n_events, n_classes)``."""
        return self.trees.probabilities(self._table(events))

    def lacking(self, events: VertexedEvents) -> tuple[str, ...]:
        """Sums over particles that trees ask for and that are the same for all events."""
        columns = self._table(events).columns
        asked = [name for name, gain in self.trees.gains().items() if gain > 0 and name.startswith("sum_")]
        return tuple(name for name in asked if np.ptp(columns[name]) == 0)

    def _table(self, events: VertexedEvents) -> TreeTable:
        return tree_table(VertexedData.from_events(events, proper_inputs(self.identification)))


@dataclass(frozen=True)
class FlavourTagger:
    """A trained tagger, and where it is from.

    Parameters
    ----------
    model
        In PyTorch, or exported; or trees.
    path
        Its file.
    level
        Whether it tags events, or each of their hemispheres.
    """

    model: VertexedModel | OnnxVertexedModel | FlavourTrees
    path: Path
    level: str

    @property
    def outputs(self) -> tuple[str, ...]:
        """What its columns stand for: the classes, and ``"charge"`` if it tells quark from antiquark."""
        model = self.model
        charge = model.config.charge if isinstance(model, VertexedModel) else model.charge
        return (*model.classes, "charge") if charge else tuple(model.classes)

    def score(self, events: VertexedEvents) -> NDArray[np.float32]:
        """Probabilities, shape ``(n_events, n_outputs)``, or ``(n_events, n_outputs, 2)`` of hemispheres.

        The first hemisphere is the one that the thrust axis points to.
        """
        seen = hemispheres(events) if self.level == "hemisphere" else events
        model = self.model
        found = score_heads(model, seen) if isinstance(model, VertexedModel) else model.score(seen)
        if self.level == "hemisphere":
            found = found.reshape(len(events), 2, -1).transpose(0, 2, 1)
        return np.ascontiguousarray(found)

    def lacking(self, events: VertexedEvents) -> tuple[str, ...]:
        """Features that varied in training and do not in these events.

        Always empty for an exported model, which does not tell, and for few particles.
        """
        if isinstance(self.model, OnnxVertexedModel) or events.particles.n_particles < CHECKED_PARTICLES:
            return ()
        seen = hemispheres(events) if self.level == "hemisphere" else events
        if isinstance(self.model, FlavourTrees):
            return self.model.lacking(seen)
        model, spec = self.model, self.model.spec
        data = VertexedData.from_events(seen, spec)
        found: list[str] = []
        for names, scaler, table in (
            (spec.particles, model.particle_scaler, data.particles.features),
            (spec.vertices, model.vertex_scaler, data.vertices.features),
            (spec.events, model.event_scaler, data.event_features),
        ):
            varied = (scaler.scale != 1).tolist()
            constant = np.ptp(table.numpy(), axis=0) == 0 if len(table) else np.ones(len(names), dtype=bool)
            found += [name for name, c, v in zip(names, constant, varied, strict=True) if c and v]
        return tuple(found)

    def record(self) -> dict[str, object]:
        """Its file, what it tags, and its outputs."""
        return {"tagger": self.path.name, "level": self.level, "outputs": self.outputs}

    def tree_of(self, path: Path, tree: str | None) -> str:
        """The tree of a ROOT file of FCC-ee courses that is meant."""
        with opened(path) as file:
            return choose_tree(path, trees_of(file), tree, what=WHAT, known_by=is_fcc_tree)

    def scoring(self, path: Path, tree: str | None) -> FlavourScoring:
        """The scores of a file with the columns of FCC-ee courses, or of particles and vertices as
        :func:`hepsets.core.vertexed_events.write_vertexed_events` makes it.
        """
        return FlavourScoring(self, path, tree)


class FlavourScoring:
    """What a tagger says of the events of a file, see :class:`hepsets.deploy.apply.Scoring`.

    Columns are called by class, float32: one number per event, or two, of the hemisphere that the thrust
    axis points to and of the other. ``charge`` is the probability of a hemisphere to be the quark's.

    Parameters
    ----------
    tagger
        The tagger.
    path, tree
        The file.

    Attributes
    ----------
    counts
        What was read, masked and kept.
    unknown
        Features that varied in training and that the file does not tell.
    """

    of_table: Callable[[pa.Table], Columns] | None = None

    def __init__(self, tagger: FlavourTagger, path: Path, tree: str | None) -> None:
        self.tagger, self.path, self.tree = tagger, path, tree
        self.counts = ReadCounts()
        self.unknown: tuple[str, ...] | None = None

    def pieces(self) -> Iterator[Columns]:
        """Scores of some thousand events at a time.

        Raises
        ------
        InputError
            For what :func:`hepsets.formats.fcc_tree.read_fcc_trees` refuses, events without vertices of a
            detector, and those that do not tell the kinds of particles as the tagger knows them.
        """
        for piece in _pieces(self.path, self.tree):
            if self.unknown is None:
                self.unknown = _lacking(self.tagger, piece.events[:CHECKED_EVENTS], self.path)
            found = self.tagger.score(piece.events)
            self.counts += piece.counts
            yield {name: found[:, place] for place, name in enumerate(self.tagger.outputs)}

    def lines(self) -> list[str]:
        """What the file does not tell, and what was odd in it."""
        names = ", ".join(self.unknown or ())
        lacks = f"its input does not tell {names}: taken as unknown; the tagger was trained with them"
        return [*([lacks] if names else []), *self.counts.lines()]


def _pieces(path: Path, tree: str | None) -> Iterator[CountedEvents]:
    """Events of a file of FCC-ee courses, or of particles and vertices as hepsets writes them."""
    kind = Format.FCC_TREE if tree else recognise(path)
    if kind is Format.EVENT_TABLE:
        raise InputError(f"{path} holds particles without vertices", WHAT, VERTEX_THEM)
    if kind is Format.VERTEXED_EVENTS:
        for events in iter_vertexed_events(path):
            yield CountedEvents(events, Tally().counts(events))
    else:
        yield from iter_fcc_trees(f"{path}:{tree}" if tree else path)


def _lacking(tagger: FlavourTagger, events: VertexedEvents, path: Path) -> tuple[str, ...]:
    """Features that the file does not tell, if the tagger does without them."""
    lacking = tagger.lacking(events)
    needed = [name for name in lacking if name in REFUSED]
    if len(needed) >= LACKING:
        raise InputError(
            f"{path} does not tell {', '.join(needed[:6])}{' …' if len(needed) > 6 else ''}",
            "what the tagger was trained with",
            "use a tagger of such files: hepsets run z-flavour --data …",
        )
    return lacking

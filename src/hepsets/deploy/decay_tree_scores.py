"""Trained models and filters of decay trees as they are applied to files of generated events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.deploy.apply import Columns
from hepsets.deploy.filter.card import load_card
from hepsets.deploy.filter.event_filter import EventFilter

if TYPE_CHECKING:
    from hepsets.learn.decay_trees.model import EventModel

OUTSIDE = "outside"
"""What the column is called that tells events outside the training domain."""

WHAT = "a parquet event table: particles by event, as hepsets generate writes it"


@dataclass(frozen=True)
class _Scores:
    """A model as the network of a filter."""

    model: EventModel
    skims: int

    def score(self, events: Events) -> NDArray[np.float32]:
        """Probability to pass, shape ``(n_events, skims)``."""
        return _scores_of_heads(self.model, events)[:, : self.skims]


def _scores_of_heads(model: EventModel, events: Events) -> NDArray[np.float32]:
    from hepsets.learn.training.score import score_heads  # brings PyTorch, as such a model has done

    return score_heads(model, events)


@dataclass(frozen=True, eq=False)
class DecayTreeScorer:
    """A filter, or a model of a run, see :class:`hepsets.deploy.apply.Scorer`.

    Parameters
    ----------
    network
        The filter, which knows its training domain; or a model without one.
    path
        Its file.
    """

    network: EventFilter | EventModel
    path: Path

    @classmethod
    def of_model(cls, model: EventModel, path: Path) -> DecayTreeScorer:
        """A model, with the card that lies beside its file if there is one.

        Raises
        ------
        InputError
            For a card that is damaged, or of more skims than the model has heads.
        """
        beside = path.with_name(f"{path.stem}.card.json")
        if not beside.exists():
            return cls(model, path)
        card = load_card(beside)
        if len(card.skims) > model.heads:
            raise InputError(f"{beside} of {len(card.skims)} skims for {model.heads} outputs", "one each")
        return cls(EventFilter(_Scores(model, len(card.skims)), card), path)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The skims that its columns stand for; numbers where nobody named them, nothing for a single one."""
        if isinstance(self.network, EventFilter):
            return self.network.skims
        heads = self.network.heads
        return ("",) if heads == 1 else tuple(str(number + 1) for number in range(heads))

    def record(self) -> dict[str, object]:
        """Its file and its outputs."""
        return {"model": self.path.name, "outputs": self.outputs}

    def tree_of(self, path: Path, tree: str | None) -> str:
        """None: generated events are no ROOT tree.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError(f"{path}{f':{tree}' if tree else ''}, a ROOT file", WHAT)

    def scoring(self, path: Path, tree: str | None) -> DecayTreeScoring:  # noqa: ARG002 (parquet has none)
        """The scores of a parquet file."""
        return DecayTreeScoring(self, path)


class DecayTreeScoring:
    """What a model says of the events of a file, see :class:`hepsets.deploy.apply.Scoring`.

    Columns are called by skim, float32; the column ``outside`` is true where an event lies outside the
    training domain, if the model has one: what it says there is worth nothing.

    Parameters
    ----------
    scorer
        The model.
    path
        The file.
    """

    def __init__(self, scorer: DecayTreeScorer, path: Path) -> None:
        self.scorer, self.path = scorer, path
        self.events = self.outside = 0
        self.reasons: Counter[str] = Counter()

    def of_table(self, table: pa.Table) -> Columns:
        """Scores of the events of a table, and whether they lie outside.

        Raises
        ------
        InputError
            For what is no valid event table.
        """
        names = [name for name in ("particles", "event_type") if name in table.column_names]
        if names[:1] != ["particles"]:
            raise InputError(f"{self.path} has columns {', '.join(table.column_names)}", WHAT)
        events = Events.from_arrow(table.select(names), source=str(self.path))
        try:
            events.validate()
        except InputError as error:
            raise error.within(self.path) from error
        self.events += len(events)
        network, outputs = self.scorer.network, self.scorer.outputs
        if not isinstance(network, EventFilter):
            return dict(zip(outputs, _scores_of_heads(network, events).T, strict=True))
        found = network.scores(events).astype(np.float32)
        strange = network.strange(events)
        self.outside += int(strange.outside.sum())
        self.reasons.update(strange.reasons)
        return {**dict(zip(outputs, found.T, strict=True)), OUTSIDE: strange.outside}

    def pieces(self) -> Iterator[Columns]:
        """Nothing: tables are scored as they are read."""
        return iter(())

    def lines(self) -> list[str]:
        """How many events there were, and how many outside the training domain, with reasons."""
        told = [f"{self.events} events"]
        if self.outside:
            reasons = ", ".join(f"{reason} {number}" for reason, number in self.reasons.most_common())
            told.append(f"{self.outside} events outside the training domain ({reasons})")
        return told

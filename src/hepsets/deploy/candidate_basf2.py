"""Candidates with their particles out of basf2 for continuum suppression, and their scores back into it.

``variablesToNtuple`` writes numbers, no lists, so a module of Python writes the file: one row per candidate
of a particle list, with lists of the tracks and clusters of its rest of event and of its final-state
daughters, all of basf2's own variables. :data:`MAP` says what it calls what. basf2 is imported when a
module is made, so this file can be read anywhere. It was tested against a fake of the few calls that it uses
(``tests/helpers/fake_candidates.py``), not within basf2.

A steering file, once candidates are reconstructed::

    import modularAnalysis as ma
    from hepsets.deploy.candidate_basf2 import write_candidates

    ma.buildRestOfEvent("B0:mine", path=main)
    write_candidates("B0:mine", "signal.root", main, variables=["isSignal", "isContinuumEvent"])

Then, after ``hepsets apply RUN signal.root --out scored.root``, on the same events::

    read_scores("B0:mine", "scored.root", main)  # extraInfo(hepsets_continuum)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hepsets.core.errors import InputError
from hepsets.core.whole_file import whole_file
from hepsets.formats.candidate_map import CandidateMap
from hepsets.formats.event_lists import Column, iter_pieces

_MOMENTUM = {"px": "px", "py": "py", "pz": "pz"}
_TRACK = {
    **_MOMENTUM,
    "charge": "charge",
    **{name: f"{name}ID" for name in ("electron", "muon", "pion", "kaon", "proton")},
    "dr": "dr",
    "dz": "dz",
}

LISTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "roe_tracks": ("roe_track", _TRACK),
    "roe_clusters": ("roe_cluster", _MOMENTUM),
    "candidate_tracks": ("candidate_track", {**_TRACK, "energy": "E"}),
    "candidate_clusters": ("candidate_cluster", _MOMENTUM),
}
"""Sets of a map: what the names of their branches begin with, and basf2's variable of each quantity. Only the
candidate's daughters have a hypothesis, and so an energy, of their own."""

CANDIDATE = {
    "candidate_px": "px",
    "candidate_py": "py",
    "candidate_pz": "pz",
    "candidate_energy": "E",
    "candidate_charge": "charge",
    "mbc": "Mbc",
    "delta_e": "deltaE",
}
"""Variables of a candidate that are always written, by what they are in a map."""

NUMBERS = ("__experiment__", "__run__", "__event__", "__candidate__")
"""What tells candidates apart, called as ``variablesToNtuple`` calls it."""

MAP = CandidateMap(
    {name: {key: f"{head}_{v}" for key, v in of.items()} for name, (head, of) in LISTS.items()}, CANDIDATE
)
"""The map of the file that :func:`write_candidates` writes; momenta are in the laboratory."""

TREE = "candidates"
WRITTEN_AT_ONCE = 1000
"""So many candidates are held until they are written."""


def write_candidates(
    particle_list: str,
    filename: str,
    path: Any,
    *,
    variables: Sequence[str] = (),
    roe_mask: str = "",
) -> Any:
    """Add a module that writes the candidates of a list with their particles.

    Parameters
    ----------
    particle_list
        Such as ``"B0:mine"``; ``buildRestOfEvent`` must have been called for it.
    filename
        ROOT, or parquet where it ends so.
    path
        A ``basf2.Path``.
    variables
        Further variables of the candidate, such as ``isSignal`` or what models shall see besides.
    roe_mask
        Mask of the rest of event; no mask by default.

    Returns
    -------
    Any
        The module, a ``basf2.Module``.
    """
    module = _writer(particle_list, Path(filename), tuple(variables), roe_mask)
    path.add_module(module)
    return module


def read_scores(
    particle_list: str, filename: str, path: Any, *, column: str = "score", name: str = "hepsets_continuum"
) -> Any:
    """Add a module that puts the scores of ``hepsets apply`` into the candidates' ``extraInfo``.

    Parameters
    ----------
    particle_list
        The list that :func:`write_candidates` wrote, from the same events.
    filename
        What ``hepsets apply`` wrote, ROOT or parquet.
    path
        A ``basf2.Path``.
    column
        The score's branch or column.
    name
        Of the extra info. A candidate that the file does not hold has NaN, which is counted in a warning.

    Raises
    ------
    InputError
        If the file lacks the score or :data:`NUMBERS`, or holds a candidate twice.
    """
    module = _reader(particle_list, read_file(Path(filename), column), name)
    path.add_module(module)
    return module


def read_file(path: Path, column: str) -> dict[tuple[int, ...], float]:
    """Scores by experiment, run, event and candidate.

    Raises
    ------
    InputError
        As :func:`read_scores`.
    """
    wanted = {name: Column("matching candidates", whole=True, lists=False) for name in NUMBERS}
    wanted[column] = Column("the score", lists=False)
    found: dict[tuple[int, ...], float] = {}
    rows = 0
    what = "a file that hepsets apply wrote"
    for piece in iter_pieces(path, None, wanted, what=what, known_by=set(wanted).issubset):
        keys = np.stack([piece.values[name] for name in NUMBERS], axis=1).tolist()
        found.update(zip(map(tuple, keys), piece.values[column].tolist(), strict=True))
        rows += piece.events
    if len(found) < rows:
        raise InputError(f"{path} holds {rows - len(found)} candidates twice", "each once")
    return found


# -- modules ---------------------------------------------------------------------------------------


def _writer(particle_list: str, out: Path, variables: tuple[str, ...], mask: str) -> Any:
    basf2, store = import_module("basf2"), import_module("ROOT").Belle2
    evaluate = import_module("variables").variables.evaluate
    numbers = tuple(dict.fromkeys((*CANDIDATE.values(), *variables)))

    class HepsetsCandidates(basf2.Module):  # type: ignore[misc, name-defined]  # known at run time
        """Write candidates with their particles."""

        def initialize(self) -> None:
            """Find what is read, open what is written."""
            self.list = store.PyStoreObj(particle_list)
            self.list.isRequired()
            self.meta_data = store.PyStoreObj("EventMetaData")
            self.whole = ExitStack()
            partial = self.whole.enter_context(whole_file(out))
            self.file = self.whole.enter_context(_open(partial, out.suffix, numbers))

        def event(self) -> None:
            """Write the candidates of one event; what fails leaves no file."""
            try:
                self.write()
            except BaseException as error:
                self.whole.__exit__(type(error), error, error.__traceback__)
                raise

        def write(self) -> None:
            """Write the candidates of one event."""
            of_event = [int(get()) for get in _event_numbers(self.meta_data)]
            for place, candidate in enumerate(self.list):
                row: dict[str, Any] = dict(zip(NUMBERS, (*of_event, place), strict=True))
                row |= {name: float(evaluate(name, candidate)) for name in numbers}
                for name, particles in _sets_of(candidate, mask).items():
                    head, quantities = LISTS[name]
                    for variable in quantities.values():
                        row[f"{head}_{variable}"] = [float(evaluate(variable, p)) for p in particles]
                self.file.add(row)

        def terminate(self) -> None:
            """Close the file, which only then has its name."""
            self.whole.close()

    return HepsetsCandidates()


def _reader(particle_list: str, scores: Mapping[tuple[int, ...], float], name: str) -> Any:
    basf2, store = import_module("basf2"), import_module("ROOT").Belle2

    class HepsetsScores(basf2.Module):  # type: ignore[misc, name-defined]  # known at run time
        """Put scores into extra info."""

        def initialize(self) -> None:
            """Find what is read."""
            self.list = store.PyStoreObj(particle_list)
            self.list.isRequired()
            self.meta_data = store.PyStoreObj("EventMetaData")
            self.missing = 0

        def event(self) -> None:
            """The candidates of one event."""
            of_event = [int(get()) for get in _event_numbers(self.meta_data)]
            for place, candidate in enumerate(self.list):
                score = scores.get((*of_event, place))
                self.missing += score is None
                candidate.addExtraInfo(name, float("nan") if score is None else score)

        def terminate(self) -> None:
            """Say how many candidates had no score."""
            if self.missing:
                basf2.B2WARNING(
                    f"{self.missing} candidates of {particle_list} without a score: {name} is NaN"
                )

    return HepsetsScores()


def _event_numbers(meta_data: Any) -> tuple[Any, Any, Any]:
    return meta_data.getExperiment, meta_data.getRun, meta_data.getEvent


def _sets_of(candidate: Any, mask: str) -> dict[str, list[Any]]:
    """Particles of each set; what is neither a track nor a photon (KLM clusters) is left out."""
    rest = candidate.getRelated("RestOfEvents")
    if not rest:
        raise InputError(
            "a candidate without a rest of event", "one for each", "call buildRestOfEvent for the list before"
        )
    found = {}
    for head, particles in (
        ("roe", list(rest.getParticles(mask))),
        ("candidate", list(candidate.getFinalStateDaughters())),
    ):
        found[f"{head}_tracks"] = [p for p in particles if p.getCharge() != 0]
        found[f"{head}_clusters"] = [p for p in particles if p.getPDGCode() == 22]
    return found


# -- files -----------------------------------------------------------------------------------------


def _open(partial: Path, suffix: str, numbers: Iterable[str]) -> _Rows:
    return (_ParquetRows if suffix == ".parquet" else _RootRows)(partial, tuple(numbers))


class _Rows:
    """Rows that are written some at a time."""

    def __init__(self, partial: Path, numbers: tuple[str, ...]) -> None:
        self.partial, self.numbers = partial, numbers
        self.rows: list[dict[str, Any]] = []
        self.stack = ExitStack()

    def __enter__(self) -> _Rows:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        with self.stack:
            if kind is None:
                self.write()

    def add(self, row: dict[str, Any]) -> None:
        self.rows.append(row)
        if len(self.rows) >= WRITTEN_AT_ONCE:
            self.write()
            self.rows = []

    def write(self) -> None:
        raise NotImplementedError

    def flat(self) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
        for name in NUMBERS:
            yield name, np.array([row[name] for row in self.rows], dtype=np.int64)
        for name in self.numbers:
            yield name, np.array([row[name] for row in self.rows], dtype=np.float64)

    def lists(self) -> Iterator[tuple[str, str, list[list[float]]]]:
        for head, quantities in LISTS.values():
            for variable in quantities.values():
                yield head, variable, [row[f"{head}_{variable}"] for row in self.rows]


class _ParquetRows(_Rows):
    writer: pq.ParquetWriter | None = None

    def write(self) -> None:
        columns = {name: pa.array(values) for name, values in self.flat()}
        for head, variable, values in self.lists():
            columns[f"{head}_{variable}"] = pa.array(values, pa.list_(pa.float64()))
        table = pa.table(columns)
        if self.writer is None:
            self.writer = self.stack.enter_context(pq.ParquetWriter(self.partial, table.schema))
        self.writer.write_table(table)


class _RootRows(_Rows):
    def __init__(self, partial: Path, numbers: tuple[str, ...]) -> None:
        import uproot

        super().__init__(partial, numbers)
        raw = self.stack.enter_context(partial.open("r+b"))
        file = self.stack.enter_context(uproot.recreate(raw))
        kinds: dict[str, Any] = dict.fromkeys(NUMBERS, "int64") | dict.fromkeys(numbers, "float64")
        for head, quantities in LISTS.values():
            kinds[head] = f"var * {{{', '.join(f'{name}: float64' for name in quantities.values())}}}"
        file.mktree(TREE, kinds)
        self.tree = file[TREE]

    def write(self) -> None:
        import awkward as ak

        if not self.rows:
            return
        arrays: dict[str, Any] = dict(self.flat())
        fields: dict[str, dict[str, Any]] = {}
        for head, variable, values in self.lists():
            flat = np.array([number for one in values for number in one], dtype=np.float64)
            fields.setdefault(head, {})[variable] = ak.unflatten(flat, np.array([len(one) for one in values]))
        self.tree.extend(arrays | {head: ak.zip(columns) for head, columns in fields.items()})

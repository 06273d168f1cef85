"""Filter files and pipes: HepMC3 ASCII to HepMC3 ASCII, parquet to parquet, with flat memory."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hepsets.core.compression import compressed, decompressed
from hepsets.core.errors import InputError
from hepsets.core.events import Events, required
from hepsets.core.file_roles import STREAM
from hepsets.core.parquet import TableWriter, open_parquet
from hepsets.core.progress import Advance, progress_bar
from hepsets.core.weight_names import (
    BASF2_WEIGHT,
    SCORE,
    WEIGHT,
    earlier_weights,
    in_both_names,
    names_of_skims,
    predictions,
    says_nothing_new,
)
from hepsets.core.whole_file import is_special, whole_file
from hepsets.deploy.filter.chain import chain
from hepsets.deploy.filter.event_filter import EventFilter, FilterSettings
from hepsets.evaluate.filter.summary import FilterSummary
from hepsets.formats.hepmc import (
    Header,
    HepmcBlock,
    add_weight_names,
    count_weights,
    marked,
    read_hepmc,
    read_weights,
)
from hepsets.formats.hepmc_events import parse_hepmc

_BATCH_EVENTS = 2048
_GROUP_EVENTS = 5000
"""Events per row group of the output, which wait in memory until there are as many."""
_BUFFER = 1 << 16
_MEGABYTE = 1e6
_PARQUET = b"PAR1"
_UNREADABLE = (pa.ArrowException, OSError, ValueError)

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


def filter_files(
    event_filter: EventFilter,
    inputs: Sequence[Path],
    out: Path,
    settings: FilterSettings,
    *,
    renumber: bool = False,
    skim_names: Mapping[str, str] | None = None,
    debug: bool = False,
) -> FilterSummary:
    """Filter event files, or standard input, into one file or standard output.

    Kept events pass through unchanged; each gets a weight per skim, ``hepsets_<skim>``, and the same as
    ``weight_<SkimName>`` (``hepsets_score_<skim>`` alone, the score, in score mode), see
    :mod:`hepsets.core.weight_names`. In parquet files they are event columns.
    A file appears under its name whole, or not at all. Events that another filter has seen keep its
    weights, multiplied with those of this one (see :mod:`hepsets.deploy.filter.chain`).

    Parameters
    ----------
    event_filter
        The filter.
    inputs
        HepMC3 ASCII files or pipes, plain or compressed (:mod:`hepsets.core.compression`),
        :data:`STREAM` for standard input; or parquet files.
    out
        Parquet file, device or pipe for parquet input; else a HepMC3 file, compressed as its suffix says, or
        :data:`STREAM`.
    settings
        How to filter.
    renumber
        Count events from 0 in the order of the inputs, and do not use their own numbers. An event's
        own number is that of its HepMC record, or the event column ``event_number``; in parquet files
        without it events are counted.
    skim_names
        What basf2 calls skims, by their names here, those of an earlier filter too; the same by default.
    debug
        Write the predictions, too, as ``SmartBKG_Prediction_<SkimName>``.

    Raises
    ------
    InputError
        For anything that is not readable as such, and if an output would overwrite an input.
    """
    if renumber and settings.mode != "importance":
        raise InputError(
            f"renumbering in mode {settings.mode}, which uses no event numbers",
            "options of that mode",
            "leave --renumber out",
        )
    if not inputs:
        raise InputError("no input", "event files, or - for standard input")
    for path in inputs:
        if path != STREAM and not path.is_file() and not is_special(path):
            raise InputError(f"no file {path}", "an existing event file", "check the path")
        if path != STREAM and out.exists() and path.samefile(out):
            raise InputError(f"{path} as input and as output", "different files")
    if inputs.count(STREAM) > 1:
        raise InputError("standard input twice", "- once")
    if out != STREAM and not out.parent.is_dir():
        raise InputError(f"no folder {out.parent}", "an existing folder", "create it first")
    parquet = {_is_parquet(path) for path in inputs}
    if len(parquet) > 1:
        raise InputError("parquet and other files together", "files of one format")
    if parquet == {True} and (out == STREAM or not (out.suffix == ".parquet" or is_special(out))):
        raise InputError(f"parquet input for {out}", "an output that ends in .parquet")
    if parquet == {False} and out.suffix == ".parquet":
        raise InputError(f"{inputs[0]}, which is no parquet file, for {out}", "an output in the same format")
    with _progress(inputs) as advance:
        work = _Work(event_filter, settings, advance, renumber=renumber, theirs=skim_names or {}, debug=debug)
        (_filter_parquet if parquet == {True} else _filter_hepmc)(work, inputs, out)
    return work.summary


@contextmanager
def _progress(inputs: Sequence[Path]) -> Iterator[Advance]:
    """Tell how many megabytes of the inputs are read; silent for pipes, whose end nobody knows."""
    if STREAM in inputs or any(map(is_special, inputs)):
        yield lambda _: None
        return
    with progress_bar("filtering MB", sum(path.stat().st_size for path in inputs) / _MEGABYTE) as advance:
        yield advance


class _Counted(io.FileIO):
    """A file that tells how many of its megabytes are read."""

    def __init__(self, path: Path, advance: Advance) -> None:
        super().__init__(path)
        self._advance = advance

    def readinto(self, buffer: Any) -> int | None:
        read = super().readinto(buffer)
        self._advance((read or 0) / _MEGABYTE)
        return read


class _Work:
    """The decisions on a stream of events, counted."""

    def __init__(
        self,
        event_filter: EventFilter,
        settings: FilterSettings,
        advance: Advance,
        *,
        renumber: bool,
        theirs: Mapping[str, str],
        debug: bool,
    ) -> None:
        event_filter.rules(settings)  # refuses what the filter does not offer, before anything is written
        self.filter = event_filter
        self.advance = advance
        self.settings = settings
        self.summary = FilterSummary.of(
            event_filter.skims, unbiased=settings.mode != "threshold", weighted=settings.mode != "score"
        )
        self.summary.saves_nothing = event_filter.saves_nothing(settings)
        self._renumber = renumber
        self._first: Integers | None = None
        skims = event_filter.skims
        self._own = names_of_skims(skims, {skim: theirs[skim] for skim in skims if skim in theirs})
        self._theirs, self._debug = {**self._own, **theirs}, debug

    def names(self, there: Sequence[str], source: str) -> list[str]:
        """What is written of each event of a source, whose weights or columns are called ``there``.

        Raises
        ------
        InputError
            For a name that something else has, or weights by basf2's names that would stay as they are.
        """
        skims, earlier = self.filter.skims, earlier_weights(there)
        names_of_skims([*skims, *(name.removeprefix(WEIGHT) for name in earlier)], self._theirs)
        further = predictions(np.empty((0, len(skims))), self._own) if self._debug else {}
        if self.settings.mode == "score":
            found = [*(SCORE + skim for skim in skims), *further]
            taken = [name for name in found if name in there]
        else:
            ours = dict.fromkeys([*(WEIGHT + skim for skim in skims), *earlier])
            found = [*in_both_names(ours, self._theirs), *further]
            paired = in_both_names(dict.fromkeys(earlier), self._theirs)
            taken = [name for name in found if name in there and name not in (*paired, *further)]
            stale = [name for name in there if name.startswith(BASF2_WEIGHT) and name not in found]
            if earlier and stale:
                raise InputError(
                    f"{source}: the weight {stale[0]} of an earlier filter, which would stay as it is",
                    "basf2's names of skims as that filter had them",
                    "give the same --skim-name again, or drop that weight",
                )
        if taken:
            raise InputError(
                f"{source} has a weight or column {taken[0]} already",
                "events that no other filter has seen, or its weights under both names",
                self._way_round(taken[0]),
            )
        return found

    def _way_round(self, taken: str) -> str:
        """What to do about a name that is taken already."""
        skim = next((skim for skim, name in self._own.items() if taken == BASF2_WEIGHT + name), None)
        if skim is None:
            return "drop it, or rename it"
        return (
            f"write this filter's weight under another name with --skim-name {skim}=NAME, or drop or rename "
            f"{taken}; an earlier filter's, named {WEIGHT}{skim}, is multiplied in"
        )

    def decide(
        self, events: Events, numbers: Integers | None, earlier: Mapping[str, Array], source: str
    ) -> tuple[NDArray[np.bool_], dict[str, Array]]:
        """Which events are kept, and by name the weights (or scores) to write, each ``(n_events,)``.

        ``earlier`` holds the weights that filters before this one left; those that change are among
        what is to be written. They must be among the event columns, too.
        """
        if numbers is None or self._renumber:
            numbers = self.summary.read + np.arange(len(events))
        decision = self.filter.decide(events, self.settings, event_numbers=numbers)
        chained = chain(earlier, self.filter.skims, decision.weights, source)
        summary = self.summary
        summary.add(decision.scores, decision.probabilities, chained.own, decision.kept, chained.before)
        summary.earlier.update(dict.fromkeys(earlier))
        summary.outside += int(decision.strange.outside.sum())
        summary.reasons.update(decision.strange.reasons)
        summary.unknown_ids.update(decision.strange.unknown_ids)
        summary.doubled += self._doubled(decision.keys)
        further = predictions(decision.scores, self._own) if self._debug else {}
        if self.settings.mode == "score":
            scores = (SCORE + skim for skim in self.filter.skims)
            return decision.kept, {**dict(zip(scores, decision.scores.T, strict=True)), **further}
        own = (WEIGHT + skim for skim in self.filter.skims)
        weights = {**dict(zip(own, chained.own.T, strict=True)), **chained.others}
        return decision.kept, {**in_both_names(weights, self._theirs), **further}

    def _doubled(self, keys: Integers) -> int:
        """How many events came before, in this batch or in the first one (a file that is given twice)."""
        doubled = len(keys) - len(np.unique(keys))
        if self._first is None:
            self._first = keys
            return doubled
        return max(doubled, int(np.isin(keys, self._first).sum()))

    def finish(self, inputs: Sequence[Path]) -> None:
        """Check that there was something to do, before the output gets its name."""
        if not self.summary.read:
            raise InputError(f"{', '.join(map(str, inputs))}: no events", "at least one event")


# -- HepMC3 ------------------------------------------------------------------------------------------


def _filter_hepmc(work: _Work, inputs: Sequence[Path], out: Path) -> None:
    with _hepmc_output(out) as write:
        for path in inputs:
            source = "standard input" if path == STREAM else str(path)
            with _hepmc_input(path, source, work.advance) as stream:
                _copy(work, stream, write, source)
        work.finish(inputs)


def _copy(work: _Work, stream: IO[bytes], write: IO[bytes], source: str) -> None:
    header: Header | None = None
    waiting: Header | None = None  # its weights are named when the first event tells how many there are
    weights = 0
    for part in read_hepmc(stream, source):
        if isinstance(part, HepmcBlock):
            events, numbers = parse_hepmc(part, source)
            if waiting is not None:
                weights = count_weights(part.texts[0])
                header, waiting = waiting, None
                further = [name for name in work.names(header.names, source) if name not in header.names]
                write.write(add_weight_names(header, further, weights))
            assert header is not None  # the reader checks that events stand in a listing
            _check_weights(part, header, weights, source)
            _send(work, part, events, numbers, header.names, write, source)
            continue
        if waiting is not None:
            write.write(waiting.text)
            waiting = None
        if part.begins:
            waiting = part
        else:
            write.write(part.text)


def _send(
    work: _Work,
    block: HepmcBlock,
    events: Events,
    numbers: Integers,
    names: Sequence[str],
    write: IO[bytes],
    source: str,
) -> None:
    """Write the events of a block that are kept, with their weights."""
    weights = np.array([read_weights(text) for text in block.texts])
    earlier = {name: weights[:, names.index(name)] for name in earlier_weights(names)}
    counting = [place for place, name in enumerate(names) if not says_nothing_new(name)]
    told = weights[:, counting] if names else weights
    chosen, written = work.decide(events.with_columns(weights=told), numbers, earlier, source)
    for event in np.flatnonzero(chosen):
        said = {name: float(column[event]) for name, column in written.items()}
        write.write(marked(block.texts[event], names, said))


def _check_weights(block: HepmcBlock, header: Header, weights: int, source: str) -> None:
    for text in block.texts:
        found = count_weights(text)
        if found != weights or (header.names and found != len(header.names)):
            raise InputError(
                f"{source}: an event with {found} weights",
                f"{len(header.names) or weights}, as in the run information or the first event",
            )


@contextmanager
def _hepmc_input(path: Path, source: str, advance: Advance) -> Iterator[IO[bytes]]:
    with ExitStack() as stack:
        raw: Any = sys.stdin.buffer
        if path != STREAM:
            raw = stack.enter_context(io.BufferedReader(_Counted(path, advance), _BUFFER))
        yield stack.enter_context(decompressed(raw, source))


@contextmanager
def _hepmc_output(out: Path) -> Iterator[IO[bytes]]:
    if out == STREAM:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with whole_file(out) as partial, partial.open("wb") as raw, compressed(raw, out.suffix) as file:
        yield file


def _is_parquet(path: Path) -> bool:
    """Whether a file begins as parquet does; what is read from a pipe to find out would be lost."""
    if path == STREAM or is_special(path):
        return False
    with path.open("rb") as file:
        return file.read(len(_PARQUET)) == _PARQUET


# -- parquet -----------------------------------------------------------------------------------------


def _filter_parquet(work: _Work, inputs: Sequence[Path], out: Path) -> None:
    with TableWriter(out, group_rows=_GROUP_EVENTS) as writer:
        for path in inputs:
            with open_parquet(path) as file:
                names = _names(file, path, work)
                per_event = path.stat().st_size / _MEGABYTE / max(file.metadata.num_rows, 1)
                for batch in _batches(file, path):
                    table = _filtered(work, pa.Table.from_batches([batch]), names, path)
                    try:
                        writer.write_table(table)
                    except _UNREADABLE as error:
                        raise InputError(
                            f"{path} has other columns than {inputs[0]}", "files of one schema"
                        ) from error
                    work.advance(per_event * len(batch))
        work.finish(inputs)


def _filtered(work: _Work, table: pa.Table, names: Sequence[str], path: Path) -> pa.Table:
    """The events of a table that are kept, with their weights."""
    earlier = earlier_weights(names)
    known = [name for name in ("particles", "event_number", "event_type") if name in names]
    try:
        events = Events.from_arrow(table.select([*known, *earlier]), source=str(path))
        events.validate(allow_empty=True)
        before = {name: _one_number_each(events.columns[name], name) for name in earlier}
    except InputError as error:
        raise error.within(path) from error
    table = required(table, known)
    numbers = _numbers(events, path)
    kept, written = work.decide(
        events.with_columns(**_maybe_weights(table), **before), numbers, before, str(path)
    )
    for name, column in written.items():
        field = pa.field(name, pa.float64(), nullable=False)
        values = pa.array(np.ascontiguousarray(column))
        if name in names:
            table = table.set_column(names.index(name), field, values)
        else:
            table = table.append_column(field, values)
    return table.filter(pa.array(kept))


def _one_number_each(column: NDArray[Any], name: str) -> Array:
    if column.ndim != 1 or column.dtype.kind not in "fiu":
        raise InputError(f"weights {name} of type {column.dtype}", "one number per event")
    return column.astype(np.float64)


def _maybe_weights(table: pa.Table) -> dict[str, Array]:
    """Columns of one floating-point number per event that no filter wrote; nulls are zeros."""
    return {
        field.name: table[field.name].fill_null(0.0).to_numpy().astype(np.float64)
        for field in table.schema
        if pa.types.is_floating(field.type) and not field.name.startswith(WEIGHT)
    }


def _names(file: Any, path: Path, work: _Work) -> list[str]:
    """Names of the columns, if there are particles and no names that would be there twice."""
    names: list[str] = file.schema_arrow.names
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise InputError(
            f"{path} has several columns {', '.join(map(repr, twice))}",
            "one of each",
            "rename or drop the others",
        )
    if "particles" not in names:
        raise InputError(
            f"{path} has columns {', '.join(names)}",
            "a column 'particles' with a list of particles per event",
            "write the study's schema (see docs/files.md)",
        )
    work.names(names, str(path))  # refuses those that something else has
    return names


def _batches(file: Any, path: Path) -> Iterator[pa.RecordBatch]:
    try:
        for group in range(file.num_row_groups):  # all at once would keep what was read
            yield from file.iter_batches(_BATCH_EVENTS, row_groups=[group], use_threads=False)
    except _UNREADABLE as error:
        raise InputError(
            f"{path} cannot be read ({str(error).splitlines()[0]})",
            "a whole parquet file",
            "check that the copy or download was complete",
        ) from error


def _numbers(events: Events, path: Path) -> Integers | None:
    if "event_number" not in events.columns:
        return None
    numbers = events.columns["event_number"]
    if numbers.dtype.kind not in "iu":
        raise InputError(f"{path}: event_number of type {numbers.dtype}", "integers")
    if numbers.dtype == np.uint64 and (numbers > np.iinfo(np.int64).max).any():
        raise InputError(f"{path}: event_number {numbers.max()}", "numbers below 2^63", "--renumber")
    return numbers.astype(np.int64)

"""Public names about events in files: read, write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, overload

import pyarrow as pa

from hepsets.core.compression import decompressed
from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame, read_frame
from hepsets.core.events import Events, read_parquet, write_parquet
from hepsets.core.parquet import open_parquet
from hepsets.core.particle_sets import ParticleSets, read_particle_sets, write_particle_sets
from hepsets.core.run import log
from hepsets.core.vertexed_events import VertexedEvents, read_vertexed_events, write_vertexed_events
from hepsets.formats.belle2_ntuple import Ntuple, read_ntuple
from hepsets.formats.edm4hep import read_edm4hep
from hepsets.formats.fcc_tree import read_fcc_trees
from hepsets.formats.fcc_tree_writer import write_fcc_tree
from hepsets.formats.hepmc import HepmcBlock, read_hepmc
from hepsets.formats.hepmc_events import parse_hepmc
from hepsets.formats.jets import read_jets
from hepsets.formats.read_counts import CountedEvents, Tally
from hepsets.formats.recognise import Format, recognise
from hepsets.formats.root_files import split_tree


@overload
def read(
    path: str | Path, *, counted: Literal[False] = False
) -> Events | ParticleSets | VertexedEvents | EventFrame | Ntuple: ...
@overload
def read(path: str | Path, *, counted: Literal[True]) -> CountedEvents: ...
def read(
    path: str | Path, *, counted: bool = False
) -> Events | ParticleSets | VertexedEvents | EventFrame | Ntuple | CountedEvents:
    """Read events of any format; the content of the file says which it is, not its name.

    Parameters
    ----------
    path
        Parquet, CSV with a header, HepMC3 ASCII (also compressed with gzip, xz, bzip2 or zstd), a Belle II
        ntuple, Z decays as FCC-ee courses hand them out, jets in the convention of FCCAnalyses, or EDM4hep
        (ROOT; ``FILE.root:TREE`` names one of several trees).
    counted
        Of particles with their vertices, return what was masked, and what was odd but kept, too.

    Returns
    -------
    Events, ParticleSets, VertexedEvents, EventFrame, Ntuple or CountedEvents
        Decay trees (HepMC3, with the event column ``event_number``, and parquet with the fields of particles
        that :class:`Events` has); sets of particles with other fields; particles with their vertices (what
        is odd there, :mod:`hepsets.formats.fcc_tree` masks and counts; what was masked is warned of); one row
        per event; or the candidates of an ntuple with their thirty variables. ``counted`` gives ``events``
        and ``counts``, which has ``masked`` and ``kept``: numbers of entries by what they are.

    Raises
    ------
    InputError
        If there is no such file, it is damaged, or of no format that can be read, or not of one that is
        counted.

    Examples
    --------
    >>> import hepsets as hs, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     hs.write(hs.generate("kstmumu", 10), f"{folder}/decays.parquet")
    ...     len(hs.read(f"{folder}/decays.parquet"))
    10
    """
    file, tree = split_tree(path)
    kind = recognise(file)
    if kind in _WITH_VERTICES:
        found = _WITH_VERTICES[kind](path)
        if counted:
            return found
        for line in found.counts.masked_lines():
            log.warning("%s: %s", path, line)
        return found.events
    if counted:
        raise InputError(f"{path} to be read and counted", "particles with their vertices")
    if kind is Format.ROOT_NTUPLE:
        return read_ntuple(file, tree)
    if kind is Format.JETS:
        return read_jets(path)
    if kind is Format.HEPMC3:
        return _read_hepmc(file)
    if kind is Format.EVENT_TABLE:
        with open_parquet(file) as table:
            particle = table.schema_arrow.field("particles").type.value_type
        fields = [field.name for field in particle] if pa.types.is_struct(particle) else []
        return read_parquet(file) if {"pdg", "mother_index"} <= set(fields) else read_particle_sets(file)
    return read_frame(file, suffix=".parquet" if kind is Format.PARQUET_FRAME else ".csv")


def _read_ours(path: str | Path) -> CountedEvents:
    """Events as we write them, which are refused if anything is no number: there is nothing to mask."""
    events = read_vertexed_events(path)
    return CountedEvents(events, Tally().counts(events))


_WITH_VERTICES: Mapping[Format, Callable[[str | Path], CountedEvents]] = {
    Format.FCC_TREE: read_fcc_trees,
    Format.EDM4HEP: read_edm4hep,
    Format.VERTEXED_EVENTS: _read_ours,
}


def _read_hepmc(path: Path) -> Events:
    parts = []
    with path.open("rb") as raw, decompressed(raw, str(path)) as stream:
        for part in read_hepmc(stream, str(path)):
            if isinstance(part, HepmcBlock):
                events, numbers = parse_hepmc(part, str(path))
                parts.append(events.with_columns(event_number=numbers))
    if not parts:
        raise InputError(f"{path} has no events", "at least one event", "check how it was made")
    return Events.concatenate(parts)


def write(events: Events | ParticleSets | VertexedEvents | EventFrame, path: str | Path) -> None:
    """Write events to a parquet file, whole or not at all; :func:`read` reads it.

    Parameters
    ----------
    events
        Decay trees, sets of particles, particles with their vertices, or a table with one row per event.
    path
        The file; one that stands there is replaced. Particles with their vertices become a ROOT tree of
        FCC-ee courses if its name ends in ``.root``.

    Raises
    ------
    InputError
        If nothing can be written there.

    Examples
    --------
    >>> import hepsets as hs, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     hs.write(hs.generate("kstmumu", 10), f"{folder}/decays.parquet")
    """
    if isinstance(events, Events):
        write_parquet(events, path)
    elif isinstance(events, ParticleSets):
        write_particle_sets(events, path)
    elif isinstance(events, VertexedEvents):
        (write_fcc_tree if Path(path).suffix == ".root" else write_vertexed_events)(events, path)
    elif isinstance(events, EventFrame):
        events.write_parquet(path)
    else:
        raise InputError(f"a {type(events).__name__} to write", "events, sets of particles, or an EventFrame")

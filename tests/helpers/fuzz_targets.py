"""Everything that hepsets reads, with a small valid file of each kind, for the fuzz."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import awkward as ak
import numpy as np
import pyarrow.csv
import uproot

from helpers.edm4hep_files import branches, write_flat
from helpers.fcc_files import odd_columns, write_columns
from helpers.hepmc_text import hepmc_text
from helpers.jet_events import jet_events
from helpers.random_candidates import random_candidates
from helpers.small_filter import beam_events, small_card, small_model
from helpers.tiny_delta_c9 import decays
from hepsets.analyses import bs_dspi, continuum_suppression, delta_c9, smart_background, z_flavour
from hepsets.core import config
from hepsets.core.compression import decompressed, zstd
from hepsets.core.event_frame import EventFrame, read_frame
from hepsets.core.events import read_parquet, write_parquet
from hepsets.core.particle_sets import read_particle_sets, write_particle_sets
from hepsets.core.pdg import PdgMap
from hepsets.deploy.filter.card import load_card, save_card
from hepsets.deploy.filter.event_filter import EventFilter
from hepsets.deploy.filter.shipped import filter_file
from hepsets.deploy.onnx.particle_sets import OnnxSetModel, export_set_onnx
from hepsets.deploy.production import ProduceConfig
from hepsets.evaluate.estimates.domain import EventDomain
from hepsets.formats.belle2_ntuple import read_ntuple
from hepsets.formats.column_names import BASF2_NAMES
from hepsets.formats.edm4hep import read_edm4hep
from hepsets.formats.fcc_tree import read_fcc_trees
from hepsets.formats.flat_table import read_columns
from hepsets.formats.hepmc import Header, read_hepmc
from hepsets.formats.hepmc_events import parse_hepmc
from hepsets.formats.jets import read_jets, write_jets
from hepsets.formats.lhcb_ntuple import read_candidates
from hepsets.learn.files import load, save
from hepsets.learn.particle_sets.recipe import build_set_model
from hepsets.learn.registry import recipes
from hepsets.learn.tables.boosted_trees import BoostedTrees, BoostedTreesConfig, fit_trees
from hepsets.select.variables.continuum import VARIABLES

EVENTS = beam_events(12, 6).with_columns(label=np.arange(12) % 2 == 0, event_type=np.ones(12, np.int8))
TEXT = hepmc_text(EVENTS[:5], names=("nominal", "scale"))
CANDIDATES = random_candidates(12, seed=2, mean_particles=6)
FRAME = EventFrame({"chi": np.linspace(-3, 3, 40), "flavour": np.where(np.arange(40) % 2, 1, -1)})


@dataclass(frozen=True)
class Target:
    """A kind of file and its reader.

    Parameters
    ----------
    write
        Writes a valid file.
    read
        Reads a file and gives what it says.
    suffix
        Of the file.
    checked
        Whether a checksum covers its numbers, so that none may change in silence.
    text
        Whether it is text, whose tokens and lines can be changed too.
    """

    write: Callable[[Path], Any]
    read: Callable[[Path], Any]
    suffix: str
    checked: bool = False
    text: bool = False

    @cached_property
    def content(self) -> bytes:
        """A valid file."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"valid{self.suffix}"
            self.write(path)
            return path.read_bytes()

    @cached_property
    def digest(self) -> str:
        """Of what the valid file says."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"valid{self.suffix}"
            path.write_bytes(self.content)
            return digest(self.read(path))


def digest(value: Any) -> str:
    """One fingerprint of tables, models, configurations and numbers."""
    found = hashlib.sha256()
    _add(found, value)
    return found.hexdigest()


def _add(found: Any, value: Any) -> None:
    if isinstance(value, dict):
        for key in sorted(value, key=str):
            found.update(str(key).encode())
            _add(found, value[key])
    elif isinstance(value, list | tuple):
        for entry in value:
            _add(found, entry)
    elif isinstance(value, np.ndarray):
        found.update(f"{value.dtype}{value.shape}".encode() + np.ascontiguousarray(value).tobytes())
    else:
        found.update(repr(value).encode("utf-8", "surrogatepass"))


def _table(events: Any) -> Any:
    return {"offsets": events.offsets, "particles": dict(events.particles), "columns": dict(events.columns)}


def _flat_tree(path: Path) -> None:
    with uproot.recreate(path) as file:
        file["tree"] = dict(FRAME.columns)


def _study_file(path: Path) -> None:
    """As awkward writes it: no checksums."""
    array = EVENTS.to_awkward()
    particles = {
        "prodTime" if n == "prod_time" else n: array.particles[n] for n in ak.fields(array.particles)
    }
    ak.to_parquet(ak.Array({"particles": ak.zip(particles), "label": array.label}), path)


def _hepmc(path: Path) -> Any:
    found = []
    with path.open("rb") as raw, decompressed(raw, str(path)) as stream:
        for part in read_hepmc(stream, str(path)):
            if isinstance(part, Header):
                found.append(part.text)
            else:
                events, numbers = parse_hepmc(part, str(path))
                found += [_table(events), numbers, part.texts]
    return found


def _zstd(content: bytes) -> bytes:
    raw = io.BytesIO()
    with zstd.ZstdFile(raw, "wb", options={zstd.CompressionParameter.checksum_flag: 1}) as file:
        file.write(content)
    return raw.getvalue()


def _ntuple_file(path: Path) -> None:
    rng = np.random.default_rng(3)
    columns = {name: rng.random(30) for name in BASF2_NAMES.values()}
    columns |= {"isSignal": np.arange(30) % 2.0, "__event__": np.arange(30), "__weight__": np.ones(30)}
    with uproot.recreate(path) as file:
        file.mktree("tree", {name: column.dtype for name, column in columns.items()})
        file["tree"].extend(columns)


def _ntuple(path: Path) -> Any:
    ntuple = read_ntuple(path)
    return {**ntuple.variables, **ntuple.columns}


def _course_file(path: Path) -> None:
    write_columns(path, odd_columns())


def _vertexed(path: Path) -> Any:
    return _both(read_fcc_trees(path).events)


def _both(events: Any) -> Any:
    return [_table(events.particles), _table(events.vertices)]


@lru_cache
def _trees() -> BoostedTrees:
    events = random_candidates(200, seed=3, mean_particles=2)
    labels = events.columns["R2"] > np.median(events.columns["R2"])
    return fit_trees(events, labels, VARIABLES, config=BoostedTreesConfig(trees=3, depth=2, threads=1))[0]


def _model(model: Any) -> Any:
    return {name: tensor.numpy() for name, tensor in model.state_dict().items()}


@lru_cache
def _set_model() -> Any:
    return build_set_model(next(iter(recipes("particle_sets"))))


TOML = {
    smart_background.Config: "seed = 3\nmodels = ['deep_sets']\n[fit]\nepochs = 2\n",
    continuum_suppression.Config: "seed = 3\n[fit]\nepochs = 2\n[data]\ntrain = ['a.root']\n",
    delta_c9.Config: "seed = 3\n",
    z_flavour.Config: "seed = 3\ncells = ['found']\n[trees]\ntrees = 60\n",
    bs_dspi.Config: "seed = 3\n[classifier]\nfolds = 4\n[data.columns]\nbs_mass = 'Bs_M'\n",
    ProduceConfig: "sample = 'mixed'\nevents = 1000\nskims = ['jpsi']\n[filter]\nmodel = 'hadronic_b0'\n",
}


def _config(kind: type) -> Target:
    def read(path: Path) -> Any:
        return config.to_mapping(config.from_mapping(kind, config.read_toml(path), source=str(path)))

    return Target(lambda path: path.write_text(TOML[kind]), read, ".toml", text=True)


def _overrides(path: Path) -> Any:
    pairs = path.read_text(errors="replace").split("\n")
    return config.to_mapping(config.from_mapping(smart_background.Config, config.parse_overrides(pairs)))


COURSEWORK = Path(__file__).parents[1] / "formats" / "coursework.csv"

TARGETS = {
    "events": Target(
        lambda path: write_parquet(EVENTS, path), lambda path: _table(read_parquet(path)), ".parquet", True
    ),
    "events of the study": Target(_study_file, lambda path: _table(read_parquet(path)), ".parquet"),
    "particle sets": Target(
        lambda path: write_particle_sets(CANDIDATES, path),
        lambda path: _table(read_particle_sets(path)),
        ".parquet",
        True,
    ),
    "frame": Target(FRAME.write_parquet, lambda path: dict(read_frame(path).columns), ".parquet", True),
    "frame as CSV": Target(
        lambda path: pyarrow.csv.write_csv(FRAME.to_arrow(), path),
        lambda path: dict(read_frame(path).columns),
        ".csv",
        text=True,
    ),
    "flat table as CSV": Target(
        lambda path: pyarrow.csv.write_csv(FRAME.to_arrow(), path),
        lambda path: dict(read_columns(path, list(FRAME.columns)).columns),
        ".csv",
        text=True,
    ),
    "flat tree": Target(
        _flat_tree,
        lambda path: dict(read_columns(path, list(FRAME.columns)).columns),
        ".root",
    ),
    "candidates of LHCb": Target(
        lambda path: path.write_bytes(COURSEWORK.read_bytes()),
        lambda path: dict(read_candidates(path, preset="coursework").columns),
        ".csv",
        text=True,
    ),
    "HepMC3": Target(lambda path: path.write_bytes(TEXT), _hepmc, ".hepmc", text=True),
    "HepMC3, gzip": Target(lambda path: path.write_bytes(gzip.compress(TEXT)), _hepmc, ".hepmc.gz", True),
    "HepMC3, xz": Target(lambda path: path.write_bytes(lzma.compress(TEXT)), _hepmc, ".hepmc.xz", True),
    "HepMC3, bzip2": Target(lambda path: path.write_bytes(bz2.compress(TEXT)), _hepmc, ".hepmc.bz2", True),
    "HepMC3, zstd": Target(lambda path: path.write_bytes(_zstd(TEXT)), _hepmc, ".hepmc.zst", True),
    "Belle II ntuple": Target(_ntuple_file, _ntuple, ".root"),
    "tree of a course": Target(_course_file, _vertexed, ".root"),
    "table of a course": Target(_course_file, _vertexed, ".parquet"),
    "EDM4hep": Target(
        lambda path: write_flat(path, branches(jet_events(4), "named")),
        lambda path: _both(read_edm4hep(path).events),
        ".root",
    ),
    "jets": Target(
        lambda path: write_jets(jet_events(4), path), lambda path: _table(read_jets(path)), ".root"
    ),
    "model": Target(
        lambda path: save(small_model(), path),
        lambda path: _model(load(path)),
        ".safetensors",
        True,
    ),
    "model of sets": Target(
        lambda path: save(_set_model(), path),
        lambda path: _model(load(path)),
        ".safetensors",
        True,
    ),
    "boosted trees": Target(
        lambda path: save(_trees(), path),
        lambda path: load(path, BoostedTrees).score(random_candidates(20, seed=4, mean_particles=2)),
        ".safetensors",
        True,
    ),
    "filter": Target(
        lambda path: path.write_bytes(filter_file("hadronic_b0").read_bytes()),
        lambda path: EventFilter.load(path).scores(EVENTS),
        ".onnx",
        True,
    ),
    "model of sets as ONNX": Target(
        lambda path: export_set_onnx(_set_model(), path),
        lambda path: OnnxSetModel(path).score(CANDIDATES),
        ".onnx",
        True,
    ),
    "filter card": Target(lambda path: save_card(small_card(2), path), load_card, ".json", True, text=True),
    "domain": Target(
        lambda path: EventDomain.of(decays(200, 0.0, 1), (), (100, 200)).write(path),
        EventDomain.read,
        ".json",
        True,
        text=True,
    ),
    "PDG map": Target(
        lambda path: path.write_text("[[22, 1], [211, 2], [-211, 3]]"),
        lambda path: PdgMap.from_json(path).ids,
        ".json",
        text=True,
    ),
    **{f"config of {kind.__module__}": _config(kind) for kind in TOML},
    "overrides": Target(lambda path: path.write_text("fit.epochs=3\nseed=4"), _overrides, ".txt", text=True),
}
"""What is fuzzed by its name."""


def mutated(content: bytes, rng: np.random.Generator, text: bool) -> bytes:
    """The content after one to three changes, of kinds that disks, networks, editors and enemies make."""
    for _ in range(rng.integers(1, 4)):
        content = _changed(content, rng, text)
    return content


_TOKENS = (
    b"nan",
    b"inf",
    b"-1",
    b"0",
    b"1e999",
    b"9" * 20,
    b"9" * 5000,
    b"",
    b"\xb5",
    b"\x00",
    b"[" * 2000,
    b"{}",
    b"true",
    b'"a"',
)


_LINES, _WORDS = re.compile(rb"(\n)"), re.compile(rb"([\s,:=\[\]]+)")


def _changed(content: bytes, rng: np.random.Generator, text: bool) -> bytes:
    if not content:
        return rng.bytes(5)
    at, other = sorted(int(place) for place in rng.integers(0, len(content) + 1, 2))
    end = min(at + int(rng.integers(1, 64)), len(content))
    kind = rng.integers(0, 12 if text else 8)
    if kind <= 2:  # the commonest: one bit
        at = min(at, len(content) - 1)
        return content[:at] + bytes([content[at] ^ 1 << int(rng.integers(8))]) + content[at + 1 :]
    if kind == 3:
        return content[:at] + bytes(end - at) + content[end:]
    if kind == 4:
        return content[:at] + content[end:]
    if kind == 5:
        return content[:at] if rng.random() < 0.5 else content[at:]
    if kind == 6:
        return content[:at] + content[other : other + 50] + content[at:]
    if kind == 7:
        return content[:at] + rng.bytes(end - at) + content[end:]
    parts = (_LINES if kind <= 9 else _WORDS).split(content)
    place = int(rng.integers(len(parts)))
    if kind % 2:
        parts.insert(place, parts[int(rng.integers(len(parts)))])
    else:
        parts[place] = _TOKENS[rng.integers(len(_TOKENS))]
    return b"".join(parts)

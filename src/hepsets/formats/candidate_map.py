"""What a user's file of B candidates calls the particles and numbers that continuum suppression looks at.

Four sets can be named, each by lists of one entry per particle: tracks and clusters of the rest of event and
of the candidate. As TOML::

    [sets.roe_tracks]
    px = "roe_track_px"
    py = "roe_track_py"
    pz = "roe_track_pz"
    charge = "roe_track_charge"

    [data]
    frame = "laboratory"
    variables = ["vertex_probability"]

    [data.columns]
    label = "isSignal"
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from pydantic import TypeAdapter, ValidationError

from hepsets.core.errors import InputError
from hepsets.formats.whole_event_files import Frame

SETS: Mapping[str, tuple[str, str]] = {
    "roe_tracks": ("rest", "track"),
    "roe_clusters": ("rest", "photon"),
    "candidate_tracks": ("signal", "track"),
    "candidate_clusters": ("signal", "photon"),
}
"""Sets by what they are called in a map, with the conditions that their members fulfil."""

MOMENTUM = ("px", "py", "pz", "p", "pt", "theta", "cos_theta", "phi")
IDENTIFICATION = ("electron", "muon", "pion", "kaon", "proton")
DISPLACEMENT = ("dr", "dz")
OF_TRACKS = ("charge", *IDENTIFICATION, *DISPLACEMENT)
KNOWN = (*MOMENTUM, "energy", *OF_TRACKS)
"""What is known of a particle: momentum [GeV], angles [rad], energy [GeV], charge, probabilities of species,
distance of the track from the interaction point across and along the beam [cm]."""

_DIRECTIONS = (("theta", "phi"), ("cos_theta", "phi"))
WAYS: tuple[tuple[str, ...], ...] = (
    ("px", "py", "pz"),
    *(("p", *direction) for direction in _DIRECTIONS),
    *(("pt", *direction) for direction in _DIRECTIONS),
    ("pt", "phi", "pz"),
)
"""How a momentum may be given."""

OF_ENERGY = tuple(("energy", *direction) for direction in _DIRECTIONS)
"""How that of a cluster may be given, too: as a photon's."""

CANDIDATE = ("candidate_px", "candidate_py", "candidate_pz", "candidate_energy")
COLUMNS = (
    *("label", "weight", "mbc", "delta_e", "experiment", "run", "event_number"),
    *(*CANDIDATE, "candidate_charge"),
)
"""Numbers of a candidate that have a meaning; ``label`` is 1 for signal and 0 for background."""

YOURS = "yours:"
"""What our columns of the user's own quantities begin with, so that they never meet one of ours."""


@dataclass(frozen=True)
class CandidateMap:
    """A column map.

    Parameters
    ----------
    sets
        By name (:data:`SETS`) what the file calls each quantity of :data:`KNOWN`; other names on our side are
        quantities of the user's own, which the networks see as they are.
    columns
        What the file calls :data:`COLUMNS`. The usual names of basf2 are found without.
    variables
        Columns of numbers per candidate that all models see besides.
    frame
        Where momenta and angles are.

    Raises
    ------
    InputError
        For a set or column that there is not, no set at all, momenta that are given in no way or in two,
        tracks without charge, clusters with one, and names that are empty or given twice.

    Examples
    --------
    >>> CandidateMap({"roe_tracks": {"p": "p", "theta": "th", "phi": "ph", "charge": "q"}}).way("roe_tracks")
    ('p', 'theta', 'phi')
    """

    sets: Mapping[str, Mapping[str, str]]
    columns: Mapping[str, str] = field(default_factory=dict)
    variables: tuple[str, ...] = ()
    frame: Frame = "laboratory"

    def __post_init__(self) -> None:
        if not self.sets:
            raise InputError("no sets", f"some of {', '.join(SETS)}", "[sets.roe_tracks] px = …")
        for name in self.sets:
            if name not in SETS:
                raise InputError(f"a set {name!r}", f"some of {', '.join(SETS)}", _close(name, SETS))
            self._check_set(name)
        for name in self.columns:
            if name not in COLUMNS:
                remedy = _close(name, COLUMNS) or "what models shall see besides goes into data.variables"
                raise InputError(f"a column {name!r}", f"some of {', '.join(COLUMNS)}", remedy)
        given = [name for name in CANDIDATE if name in self.columns]
        if given and len(given) < len(CANDIDATE):
            raise InputError(f"{', '.join(given)} alone", f"all of {', '.join(CANDIDATE)}, or none")
        theirs = [name for one in (*self.sets.values(), self.columns) for name in one.values()]
        if "" in (*theirs, *self.variables):
            raise InputError("an empty name in the map", "what the file calls it", "leave the line out")
        twice = [name for name in self.variables if self.variables.count(name) > 1]
        if twice:
            raise InputError(f"the variable {twice[0]!r} twice", "each once")
        both = sorted(set(self.lists) & {*self.columns.values(), *self.variables})
        if both:
            raise InputError(f"{both[0]!r} as a list and as a number", "one of both")

    def _check_set(self, name: str) -> None:
        known, tracks = self.sets[name], "track" in SETS[name]
        self.way(name)
        if tracks and "charge" not in known:
            raise InputError(f"sets.{name} without charge", "what the file calls the charge of its tracks")
        strange = [key for key in known if key in OF_TRACKS] if not tracks else []
        if strange:
            raise InputError(f"{strange[0]} in sets.{name}", "what clusters have", "leave it out")
        for key in known:
            alike = "" if key in KNOWN else _close(key, KNOWN)
            if alike:
                raise InputError(
                    f"sets.{name}.{key}",
                    f"one of {', '.join(KNOWN)}, or a name of your own unlike these",
                    alike,
                )
            if not key.isidentifier():
                raise InputError(f"sets.{name}.{key}", "a name of letters, digits and _")

    def way(self, name: str) -> tuple[str, ...]:
        """The quantities that the momenta of a set are made of.

        Raises
        ------
        InputError
            If they are not given, or in two ways.
        """
        given = [key for key in self.sets[name] if key in MOMENTUM]
        ways = (*WAYS, *OF_ENERGY) if "photon" in SETS[name] else WAYS
        for way in ways:
            if set(way) - {"energy"} == set(given) and set(way) <= set(self.sets[name]):
                return way
        raise InputError(
            f"momenta of sets.{name} by {', '.join(given) or 'nothing'}",
            f"one of {'; '.join(' '.join(way) for way in ways)}",
        )

    @property
    def lists(self) -> dict[str, str]:
        """Where each list of the file belongs, as ``sets.roe_tracks.px``, by its name there."""
        return {
            theirs: f"sets.{name}.{key}" for name, one in self.sets.items() for key, theirs in one.items()
        }

    @property
    def own_features(self) -> dict[str, tuple[str, ...]]:
        """Quantities of the user's own by set, under the names that our particle columns have."""
        return {
            name: tuple(YOURS + key for key in one if key not in KNOWN) for name, one in self.sets.items()
        }

    @property
    def own_variables(self) -> tuple[str, ...]:
        """Our names of :attr:`variables`."""
        return tuple(YOURS + name for name in self.variables)

    @property
    def missing(self) -> list[str]:
        """What the sets do not tell, in words."""
        told = []
        for name, conditions in SETS.items():
            if name not in self.sets:
                told.append(f"no {name}: taken as empty")
                continue
            wanted = (*IDENTIFICATION, *DISPLACEMENT) if "track" in conditions else ()
            lacking = [key for key in wanted if key not in self.sets[name]]
            if lacking:
                told.append(f"{name} without {', '.join(lacking)}: 0 for all of them")
        return told

    def without(self, *names: str) -> CandidateMap:
        """The same map without some of its columns, such as the label where scores are all that is wanted."""
        return replace(
            self, columns={key: theirs for key, theirs in self.columns.items() if key not in names}
        )

    def record(self) -> dict[str, Any]:
        """What JSON and TOML can hold."""
        return {**asdict(self), "variables": list(self.variables)}

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> CandidateMap:
        """The map of what :meth:`record` gave.

        Raises
        ------
        InputError
            For anything else.
        """
        try:
            return TypeAdapter(cls).validate_python(dict(record))
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(
                f"a column map with {first['loc']}: {first['msg']}", "one that is whole"
            ) from error


def _close(name: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    close = get_close_matches(name.lower(), list(known), n=1, cutoff=0.75)
    return f"did you mean {close[0]}?" if close else ""

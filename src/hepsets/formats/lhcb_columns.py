"""What LHCb's ntuples call the columns of a B_s → D_sπ candidate: presets, and names of the user's own.

A branch is a particle and a quantity, ``Bs_IPCHI2_OWNPV``. Presets say what each is called and in which
unit; a user whose particles or branches have other names says ``bs=B0s`` or ``bs_mass=B0s_DTF_M``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, NamedTuple

from hepsets.core.errors import InputError

Kind = Literal["energy", "length", "time", "number", "sign"]
"""What unit a column has: that of masses, that of lengths, that of decay times, none; of ``sign`` that of
charges and PDG ids alone is taken."""

PARTICLES: Mapping[str, tuple[str, ...]] = {
    "bs": ("Bs", "B_s0", "B0s", "B"),
    "ds": ("Ds", "D_s", "D"),
    "bachelor": ("Pi", "Bac", "bach", "Bachelor", "PiBach", "Pi_Bs"),
    "kaon_os": ("KaonOS", "K_OS", "KOS"),
    "kaon_ss": ("KaonSS", "K_SS", "KSS"),
    "ds_pion": ("PiDs", "Pi_Ds", "DsPi"),
}
"""Particles of a candidate, and what their branches begin with."""

TRACKS = ("bachelor", "kaon_os", "kaon_ss", "ds_pion")


class Quantity(NamedTuple):
    """A quantity of a particle: what it is called behind the particle's name, by preference, and its kind."""

    spellings: tuple[str, ...]
    kind: Kind = "number"


_COMMON_KINEMATICS = {
    **{name: Quantity((name.upper(),), "energy") for name in ("p", "pt", "px", "py", "pz")},
    "eta": Quantity(("ETA", "Eta")),
}
_DAVINCI = {
    "bs": {
        "mass": Quantity(("DTF_M", "M", "MM"), "energy"),
        "mass_err": Quantity(("DTF_MERR", "MMERR"), "energy"),
        **_COMMON_KINEMATICS,
        "vertex_chi2": Quantity(("ENDVERTEX_CHI2",)),
        "flight_distance": Quantity(("FD_OWNPV",), "length"),
        "flight_chi2": Quantity(("FDCHI2_OWNPV",)),
        "dira": Quantity(("DIRA_OWNPV",)),
        "ip": Quantity(("IP_OWNPV",), "length"),
        "ip_chi2": Quantity(("IPCHI2_OWNPV",)),
        "doca": Quantity(("DOCA", "AMAXDOCA"), "length"),
        "decay_time": Quantity(("TAU", "LOKI_TAU"), "time"),
        "decay_time_err": Quantity(("TAUERR",), "time"),
        "cone_asymmetry": Quantity(("ptasy_1.50", "PTASY_1.50", "ptasy_150")),
        "chi2_with_one_more": Quantity(("VtxIsoDeltaChi2OneTrack", "VTXISODCHI2ONETRACK")),
        "tag_decision": Quantity(("TAGDECISION",)),
        "tag_mistag": Quantity(("TAGOMEGA",)),
    },
    "ds": {
        "mass": Quantity(("M", "MM"), "energy"),
        "mass_err": Quantity(("MMERR",), "energy"),
        **_COMMON_KINEMATICS,
        "vertex_chi2": Quantity(("ENDVERTEX_CHI2",)),
        "flight_distance": Quantity(("FD_ORIVX",), "length"),
        "flight_chi2": Quantity(("FDCHI2_ORIVX",)),
        "flight_chi2_primary": Quantity(("FDCHI2_OWNPV",)),
        "ip_chi2": Quantity(("IPCHI2_OWNPV",)),
        "doca": Quantity(("AMAXDOCA", "DOCA"), "length"),
    },
    "track": {
        **_COMMON_KINEMATICS,
        "ip": Quantity(("IP_OWNPV",), "length"),
        "ip_chi2": Quantity(("IPCHI2_OWNPV",)),
        **{
            f"prob_nn_{kind}": Quantity((f"ProbNN{kind}", f"MC15TuneV1_ProbNN{kind}"))
            for kind in ("k", "pi", "p")
        },
        "pid_k": Quantity(("PIDK",)),
        "pid_p": Quantity(("PIDp",)),
        "chi2_per_ndf": Quantity(("TRACK_CHI2NDOF",)),
        "charge": Quantity(("ID", "Q"), "sign"),
    },
}
_COURSEWORK_COMMON = {
    **_COMMON_KINEMATICS,
    "e": Quantity(("E",), "energy"),
    "ip": Quantity(("ImpactParameter",), "length"),
    "ip_chi2": Quantity(("ImpactParameter_Chi2", "ImpactParameterChi2")),
}
_COURSEWORK_DECAYING = {
    "mass": Quantity(("M",), "energy"),
    **_COURSEWORK_COMMON,
    "flight_distance": Quantity(("FlightDistance",), "length"),
    "flight_chi2": Quantity(("FlightDistance_Chi2", "FlightDistanceChi2")),
    "dira": Quantity(("CosMomentumDecayAngle", "CosMomDecayAngle")),
    "doca": Quantity(("DistanceOfClosestApproach",), "length"),
    "vertex_chi2": Quantity(("Vertex_Chi2", "DecayVertex_Chi2")),
    "decay_time": Quantity(("DecayTime",), "time"),
    "decay_time_err": Quantity(("DecayTimeErr", "DecayTime_Err"), "time"),
}
_COURSEWORK = {
    "bs": _COURSEWORK_DECAYING,
    "ds": _COURSEWORK_DECAYING,
    "track": {
        **_COURSEWORK_COMMON,
        **{f"prob_nn_{kind}": Quantity((f"ProbNN{kind}",)) for kind in ("k", "pi", "p")},
        "chi2_per_ndf": Quantity(("Track_Chi2pDoF", "Track_Chi2perDoF")),
        "charge": Quantity(("Charge", "ID"), "sign"),
    },
}
_WHOLE = {
    "davinci": {
        "event_number": ("eventNumber",),
        "run_number": ("runNumber",),
        "n_tracks": ("nTracks",),
        "magnet_polarity": ("Polarity",),
        "weight": ("weight", "sweight"),
    },
    "coursework": {
        "event_number": ("EventNumber", "eventNumber"),
        "run_number": ("RunNumber", "runNumber"),
        "year": ("Year",),
        "magnet_polarity": ("MagnetPolarity",),
        "weight": ("weight",),
    },
}
"""Columns of no particle."""

PRESETS = ("davinci", "coursework")
"""What column maps there are."""

_PLAIN = {"bs_decay_time": "decay_time", "bs_decay_time_err": "decay_time_err"} | {
    f"bs_{name}": name for name in ("cone_asymmetry", "chi2_with_one_more", "tag_decision", "tag_mistag")
}
"""Columns that we call without the particle."""


@dataclass(frozen=True)
class Branch:
    """Where one of our columns may be found.

    Parameters
    ----------
    spellings
        Names of the branch, in order of preference.
    kind
        Of its unit.
    """

    spellings: tuple[str, ...]
    kind: Kind = "number"


def branches_of(preset: str, own: Mapping[str, str] | None = None) -> dict[str, Branch]:
    """Where each of our columns is in a file, by our names (docs/lhcb_events.md).

    Parameters
    ----------
    preset
        One of :data:`PRESETS`.
    own
        The user's names, by ours: of particles (:data:`PARTICLES`) or of single columns.

    Raises
    ------
    InputError
        For an unknown preset, names of ours that there are not, and names of the user's that are empty.
    """
    if preset not in PRESETS:
        raise InputError(f"columns {preset!r}", f"one of {', '.join(PRESETS)}")
    own = dict(own or {})
    for name, theirs in own.items():
        if not theirs:
            raise InputError(
                f"no name for {name}", f"what the file calls {name}", "leave it out if that is usual"
            )
    tables = _DAVINCI if preset == "davinci" else _COURSEWORK
    found = {name: Branch(spellings) for name, spellings in _WHOLE[preset].items()}
    for particle, usual in PARTICLES.items():
        heads = (own.pop(particle),) if particle in own else usual
        for quantity, (spellings, kind) in tables["track" if particle in TRACKS else particle].items():
            ours = f"{particle}_{quantity}"
            names = tuple(f"{head}_{spelling}" for head in heads for spelling in spellings)
            found[_PLAIN.get(ours, ours)] = Branch(names, kind)
    unknown = [name for name in own if name not in found]
    if unknown:
        close = get_close_matches(unknown[0], [*PARTICLES, *found], n=3)
        raise InputError(
            f"a column {unknown[0]!r}",
            f"a particle ({', '.join(PARTICLES)}) or one of our columns",
            f"did you mean {' or '.join(close)}?" if close else "docs/lhcb_events.md has them",
        )
    return found | {name: Branch((theirs,), found[name].kind) for name, theirs in own.items()}


def parse_own(pairs: Iterable[str]) -> dict[str, str]:
    """``NAME=YOURS`` as a user types them, by our names.

    Raises
    ------
    InputError
        For what has no ``=`` or nothing on one side of it, and for a name given twice.

    Examples
    --------
    >>> parse_own(["bs=B0s", "bs_mass=B0s_DTF_M"])
    {'bs': 'B0s', 'bs_mass': 'B0s_DTF_M'}
    """
    own: dict[str, str] = {}
    for pair in pairs:
        name, sign, theirs = (part.strip() for part in pair.partition("="))
        if not (sign and name and theirs):
            raise InputError(f"a column {pair!r}", "NAME=YOURS: our name, then that in the file")
        if name in own:
            raise InputError(f"{name} twice", "one name of yours for each of ours")
        own[name] = theirs
    return own


def find_branches(
    names: Sequence[str], branches: Mapping[str, Branch], *, asked: Iterable[str] = ()
) -> dict[str, str]:
    """Which of our columns a file has, and what it calls them.

    Parameters
    ----------
    names
        Of the file's columns.
    branches
        Of :func:`branches_of`.
    asked
        Our names that the user has given a name of his, which must be there.

    Raises
    ------
    InputError
        For names of the user's that the file does not have, with those that are called alike.
    """
    there = set(names)
    found = {}
    for ours, branch in branches.items():
        theirs = next((spelling for spelling in branch.spellings if spelling in there), None)
        if theirs is not None:
            found[ours] = theirs
    for ours in asked:
        if ours in branches and ours not in found:
            raise missing_columns([ours], branches, names)
    return found


def missing_columns(
    missing: Sequence[str], branches: Mapping[str, Branch], names: Sequence[str]
) -> InputError:
    """The refusal of a file that lacks columns: what they were looked for as, and what is called alike."""
    told = []
    lower = {name.lower(): name for name in names}
    for ours in missing:
        looked_for = branches[ours].spellings
        close = dict.fromkeys(
            lower[match]
            for spelling in looked_for
            for match in get_close_matches(spelling.lower(), lower, n=1, cutoff=0.6)
        )
        named = [repr(name) if name != name.strip() else name for name in list(close)[:3]]
        alike = f", similar: {', '.join(named)}" if close else ""
        told.append(f"{ours} (looked for {' or '.join(looked_for[:3])}{alike})")
    return InputError(
        f"no column for {'; '.join(told)}",
        f"them among the {len(names)} columns of the file",
        f"name it (--set data.columns.{missing[0]}=YOURS), or choose another preset (--set data.preset=…)",
    )

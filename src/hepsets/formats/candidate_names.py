"""Which lists of a file may be the sets of a candidate, told by their names: a column map to begin with."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hepsets.core.errors import InputError
from hepsets.formats.candidate_map import KNOWN, MOMENTUM, OF_ENERGY, OF_TRACKS, SETS, WAYS, CandidateMap

SPELLINGS = {
    **{name: (name,) for name in KNOWN},
    **{name: (name, f"{name}id") for name in ("electron", "muon", "pion", "kaon", "proton")},
    "energy": ("energy", "e", "clustere"),
    "theta": ("theta", "clustertheta"),
    "cos_theta": ("costheta", "cos_theta"),
    "phi": ("phi", "clusterphi"),
    "charge": ("charge", "q"),
}
"""What names of lists may end in, in lower case, by our name of the quantity."""

_OF_EVENT = (("roe", r"roe|rest"), ("candidate", r"cand|sig|daughter|dau"))
_KINDS = (("tracks", r"tr(ac)?k|charged"), ("clusters", r"cluster|clus|gamma|photon|ecl|neutral"))


def proposed_map(names: Sequence[str]) -> CandidateMap | None:
    """The map that names of columns suggest, ``None`` if they suggest none.

    Where two heads of names could be one set, neither is proposed; nor is one whose names do not tell
    momenta, or charges of tracks.

    Parameters
    ----------
    names
        Of the columns of a file.

    Examples
    --------
    >>> proposed_map(["roe_ecl_E", "roe_ecl_theta", "roe_ecl_phi", "Mbc"]).sets["roe_clusters"]["energy"]
    'roe_ecl_E'
    """
    heads: dict[str, dict[str, dict[str, str]]] = {}
    for name in names:
        found = _taken_apart(name)
        if found is not None:
            role, head, key = found
            heads.setdefault(role, {}).setdefault(head, {}).setdefault(key, name)
    sets = {}
    for role in SETS:
        (one, *others) = heads.get(role, {"": {}}).values()
        whole = {} if others else _of_one_way(one, role)
        if whole:
            sets[role] = whole
    return CandidateMap(sets) if sets else None


def skeleton(lists: Sequence[str]) -> str:
    """A column map to be filled in, where names do not tell which lists are which set: TOML, with comments.

    Lists whose names end as quantities do, and together make a set, stand in one; which it is has to be seen.

    Parameters
    ----------
    lists
        Names of the columns that hold lists of numbers.

    Examples
    --------
    >>> print(skeleton(["mu_px", "mu_py", "mu_pz", "mu_charge", "mu_chi2"]))
    # lists of the file: mu_px, mu_py, mu_pz, mu_charge, mu_chi2
    [sets.roe_tracks]  # are they? else candidate_tracks
    px = "mu_px"
    py = "mu_py"
    pz = "mu_pz"
    charge = "mu_charge"
    """
    heads: dict[str, dict[str, str]] = {}
    for name in lists:
        for key, spelled in SPELLINGS.items():
            tail = next((one for one in spelled if f"_{name.lower()}".endswith(f"_{one}")), None)
            if tail is not None:
                heads.setdefault(name[: len(name) - len(tail)].lower(), {}).setdefault(key, name)
                break
    told, taken = [f"# lists of the file: {', '.join(lists)}"], set[str]()
    for named in heads.values():
        kind = "tracks" if "charge" in named else "clusters"
        role = next((role for role in SETS if role.endswith(kind) and role not in taken), None)
        whole = _of_one_way(named, role) if role else {}
        if role and whole:
            taken.add(role)
            other = next(one for one in SETS if one.endswith(kind) and one != role)
            told.append(f"[sets.{role}]  # are they? else {other}")
            told += [f'{key} = "{name}"' for key, name in whole.items()]
    if not taken:
        told += [f"[sets.roe_tracks]  # also {', '.join(list(SETS)[1:])}", *_BLANKS]
    return "\n".join(told)


_BLANKS = (
    'px = ""  # the list of these; or p or pt, with theta or cos_theta, and phi',
    'py = ""',
    'pz = ""',
    'charge = ""  # of tracks; clusters may have energy in its place',
)


def _taken_apart(name: str) -> tuple[str, str, str] | None:
    """Set, head and quantity of a name such as ``roe_track_px``."""
    lower = name.lower()
    for key, spelled in SPELLINGS.items():
        for tail in spelled:
            if lower.endswith(f"_{tail}"):
                head = lower.removesuffix(f"_{tail}")
                event = [word for word, pattern in _OF_EVENT if re.search(pattern, head)]
                kind = [word for word, pattern in _KINDS if re.search(pattern, head)]
                if event and len(kind) == 1:  # the rest of the candidate's event is named after both
                    return f"{event[0]}_{kind[0]}", head, key
    return None


def _of_one_way(named: dict[str, str], role: str) -> dict[str, str]:
    """The names with momenta in one way; nothing if they do not make a set."""
    tracks = "track" in SETS[role]
    for way in WAYS if tracks else (*WAYS, *OF_ENERGY):
        if set(way) <= set(named):
            kept = {
                key: named[key]
                for key in KNOWN
                if key in named and (key in way or key not in MOMENTUM) and (tracks or key not in OF_TRACKS)
            }
            try:
                return dict(CandidateMap({role: kept}).sets[role])
            except InputError:
                return {}
    return {}

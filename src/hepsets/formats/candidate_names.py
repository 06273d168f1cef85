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

"""The thirty continuum variables by the names that branches of Belle II ntuples have.

basf2 writes its variables under names that ROOT likes, ``KSFWVariables(hso00)`` as
``KSFWVariables__bohso00__bc``; their spelling has changed over the years, and analysts choose other ones.
Names match whatever their case is, escaped or not, with arguments (``CleoConeCS(1, ROE)``) or without,
with a prefix that all have in common (``Bsig_R2``), and with underscores for brackets
(``Bsig_KSFWVariables_hso00``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, NamedTuple

from hepsets.core.errors import InputError

VARIABLES: tuple[str, ...] = (
    *("R2", "thrustBm", "thrustOm", "cosTBTO", "cosTBz", "et", "mm2"),
    *(f"hso{j}{k}" for j in range(3) for k in (0, 2, 4)),
    *(f"hoo{k}" for k in range(5)),
    *(f"cleoCone{i}" for i in range(1, 10)),
)
"""The variables that the reader looks for, by the names of :mod:`hepsets.select.variables.continuum`."""

BASF2_NAMES = {
    name: f"KSFWVariables({name})"
    if name.startswith(("et", "mm2", "hso", "hoo"))
    else f"CleoConeCS({name.removeprefix('cleoCone')})"
    if name.startswith("cleoCone")
    else name
    for name in VARIABLES
}
"""What basf2 calls each variable."""

_FAMILIES = tuple(
    tuple(name for name in VARIABLES if re.match(pattern, BASF2_NAMES[name]))
    for pattern in ("R2|thrust|cos", "KSFW", "Cleo")
)
"""Variables that must come with the same arguments."""


@dataclass(frozen=True)
class Column:
    """A further column of ntuples.

    Parameters
    ----------
    spellings
        Names of the branch in lower case, in order of preference.
    kind
        ``"number"``, kept as float64; ``"whole"``, numbers of events and the like, which basf2 may write as
        floats, kept as int64; ``"truth"``, true where it is 1, with NaN for a candidate that matches no
        generated particle, kept as bool.
    """

    spellings: tuple[str, ...]
    kind: Literal["number", "whole", "truth"] = "number"


COLUMNS = {
    "mbc": Column(("mbc",)),
    "delta_e": Column(("deltae",)),
    "is_signal": Column(("issignal",), "truth"),
    "is_continuum": Column(("iscontinuumevent",), "truth"),
    "is_not_continuum": Column(("isnotcontinuumevent",), "truth"),
    "signal_probability": Column(("extrainfo(signalprobability)", "extrainfo_signalprobability", "sigprob")),
    "experiment": Column(("__experiment__", "expnum"), "whole"),
    "run": Column(("__run__", "runnum"), "whole"),
    "event": Column(("__event__", "evtnum"), "whole"),
    "production": Column(("__production__", "productionidentifier"), "whole"),
    "candidate": Column(("__candidate__",), "whole"),
    "weight": Column(("__weight__",)),
}
"""Further columns by our names, read if they are there."""

_ESCAPES = {"__bo": "(", "__bc": ")", "__cm": ",", "__sp": ""}
_VARIABLE = re.compile(
    r"(?P<prefix>[^()]*_)?(?P<name>r2|thrustbm|thrustom|costbto|costbz|ksfwvariables?|cleocones?(?:cs)?)"
    r"(?:\((?P<arguments>[^()]*)\)|_(?P<argument>[a-z]*\d*))?"
)


class _Name(NamedTuple):
    """A branch name taken apart: ``Bsig_CleoConeCS__bo1__cmROE__bc`` is cleoCone1 of Bsig_ with roe."""

    variable: str
    prefix: str
    arguments: tuple[str, ...]


class Layout(NamedTuple):
    """Where a tree keeps what is read: branches of the variables and of further columns, and arguments."""

    branches: dict[str, str]
    columns: dict[str, str]
    arguments: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        examples = (self.branches[family[0]] for family in _FAMILIES)
        return ", ".join([*examples, *self.columns.values()])


def _unescaped(branch: str) -> str:
    """A name as basf2 spells it, in lower case and without spaces."""
    text = branch.lower()
    for escape, sign in _ESCAPES.items():
        text = text.replace(escape, sign)
    return text.replace(" ", "")


def _parse(branch: str) -> _Name | None:
    match = _VARIABLE.fullmatch(_unescaped(branch))
    if match is None:
        return None
    arguments = tuple((match["arguments"] or match["argument"] or "").split(","))
    prefix, name = match["prefix"] or "", match["name"]
    if name.startswith(("ksfw", "cleo")):
        variable = arguments[0] if name.startswith("ksfw") else f"cleoCone{arguments[0]}"
        arguments = arguments[1:]
    else:
        variable = next(known for known in VARIABLES if known.lower() == name)
        arguments = tuple(argument for argument in arguments if argument)
    return _Name(variable, prefix, arguments) if variable in VARIABLES else None


def find_layout(names: Sequence[str], where: str) -> Layout:
    """Branches of one prefix, and of one set of arguments for each family, that hold all variables.

    Parameters
    ----------
    names
        Of the branches.
    where
        What errors call the tree.

    Raises
    ------
    InputError
        If variables are missing, or there are several sets of them.
    """
    found: dict[tuple[str, int, tuple[str, ...]], dict[str, list[str]]] = {}
    for branch in names:
        if (name := _parse(branch)) is not None:
            family = next(i for i, members in enumerate(_FAMILIES) if name.variable in members)
            found.setdefault((name.prefix, family, name.arguments), {}).setdefault(name.variable, []).append(
                branch
            )
    prefixes = sorted({prefix for prefix, _, _ in found} | {""})
    options = [_best_of_prefix(found, prefix, where) for prefix in prefixes]
    complete = [i for i, option in enumerate(options) if len(option[0]) == len(VARIABLES)]
    if not complete:
        best = max(options, key=lambda option: len(option[0]))[0]
        missing = [name for name in VARIABLES if name not in best]
        raise InputError(
            f"{where} lacks {', '.join(_with_similar(name, names) for name in missing)}",
            "all thirty continuum variables",
            "write them with variablesToNtuple after buildContinuumSuppression",
        )
    if "" not in (prefixes[i] for i in complete) and len(complete) > 1:
        raise InputError(
            f"{where} holds the variables of several candidates: {', '.join(prefixes[i] for i in complete)}",
            "those of one B candidate",
            "write them into separate trees",
        )
    prefix, (branches, arguments) = prefixes[complete[0]], options[complete[0]]
    return Layout(branches, find_columns(names, prefix), arguments)


def find_columns(names: Sequence[str], prefix: str = "") -> dict[str, str]:
    """What a file calls those of :data:`COLUMNS` that it has, with the prefix or without."""
    lower = {_unescaped(name): name for name in reversed(names)}
    lower |= {name.lower(): name for name in reversed(names)}
    columns: dict[str, str] = {}
    for ours, column in COLUMNS.items():
        spelled = [p + s for s in column.spellings for p in dict.fromkeys((prefix, "")) if p + s in lower]
        if spelled:
            columns[ours] = lower[spelled[0]]
    return columns


def _best_of_prefix(
    found: Mapping[tuple[str, int, tuple[str, ...]], Mapping[str, list[str]]], prefix: str, where: str
) -> tuple[dict[str, str], tuple[tuple[str, ...], ...]]:
    branches: dict[str, str] = {}
    chosen: list[tuple[str, ...]] = []
    for family in range(len(_FAMILIES)):
        sets = {key[2]: names for key, names in found.items() if key[:2] == (prefix, family)}
        most = max((len(names) for names in sets.values()), default=0)
        # ours first: KSFW of final-state particles, cones of all particles; then without a mask
        ranked = sorted(
            (("fs1" not in arguments) if family == 1 else ("roe" in arguments), len(arguments), arguments)
            for arguments, names in sets.items()
            if len(names) == most
        )
        if not ranked:
            chosen.append(())
            continue
        if len(ranked) > 1 and ranked[0][:2] == ranked[1][:2]:
            both = (min(sets[arguments].values())[0] for _, _, arguments in ranked[:2])
            raise InputError(
                f"{where} holds {' and '.join(both)}",
                "one mask of the rest of event",
                "write only one of them",
            )
        arguments = ranked[0][2]
        chosen.append(arguments)
        for variable, names in sets[arguments].items():
            if len(names) > 1:
                raise InputError(f"{where} holds both {' and '.join(names)}", "one branch per variable")
            branches[variable] = names[0]
    return branches, tuple(chosen)


def _with_similar(name: str, names: Sequence[str]) -> str:
    wanted = BASF2_NAMES[name]
    spelled = {_unescaped(other): other for other in names}
    similar = get_close_matches(wanted.lower(), spelled, n=1, cutoff=0.75)
    return f"{wanted} (similar: {spelled[similar[0]]})" if similar else wanted

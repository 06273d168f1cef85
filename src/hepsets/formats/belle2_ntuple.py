"""The thirty continuum variables from Belle II ntuples: ROOT trees with one row per B candidate.

basf2 writes its variables under names that ROOT likes, ``KSFWVariables(hso00)`` as
``KSFWVariables__bohso00__bc``; their spelling has changed over the years, and analysts choose other ones.
Names match whatever their case is, escaped or not, with arguments (``CleoConeCS(1, ROE)``) or without,
with a prefix that all have in common (``Bsig_R2``), and with underscores for brackets
(``Bsig_KSFWVariables_hso00``).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError

Array = NDArray[np.float64]

STEP = "64 MB"
"""How much of a tree is read at once."""

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

_COLUMNS = {
    "mbc": ("mbc",),
    "delta_e": ("deltae",),
    "is_signal": ("issignal",),
    "is_continuum": ("iscontinuumevent",),
    "is_not_continuum": ("isnotcontinuumevent",),
    "signal_probability": ("extrainfo(signalprobability)", "extrainfo_signalprobability", "sigprob"),
    "experiment": ("__experiment__", "expnum"),
    "run": ("__run__", "runnum"),
    "event": ("__event__", "evtnum"),
    "production": ("__production__", "productionidentifier"),
    "candidate": ("__candidate__",),
    "weight": ("__weight__",),
}
"""Further columns, read if they are there: ours, and names in lower case in order of preference."""

_INTEGERS = ("experiment", "run", "event", "production", "candidate")
_NOT_NEGATIVE = tuple(name for name in VARIABLES if re.match("R2|thrust|cos|et|cleo", name))
_MISSING = -1.0
"""What basf2 writes for variables that cannot be negative where there is nothing, as R2 of no particles."""

_TRUTH = ("is_signal", "is_continuum", "is_not_continuum")
_ESCAPES = {"__bo": "(", "__bc": ")", "__cm": ",", "__sp": ""}
_VARIABLE = re.compile(
    r"(?P<prefix>[^()]*_)?(?P<name>r2|thrustbm|thrustom|costbto|costbz|ksfwvariables?|cleocones?(?:cs)?)"
    r"(?:\((?P<arguments>[^()]*)\)|_(?P<argument>[a-z]*\d*))?"
)


@dataclass(frozen=True, eq=False)
class Ntuple:
    """Candidates of Belle II ntuples.

    Parameters
    ----------
    variables
        One array of shape ``(n_candidates,)`` for every name in
        :data:`~hepsets.select.variables.continuum.VARIABLES`, all finite.
    columns
        What else was there, each of shape ``(n_candidates,)``: ``mbc`` and ``delta_e`` [GeV],
        ``signal_probability``, ``is_signal`` and ``is_continuum`` (bool), ``experiment``, ``run``,
        ``event``, ``production``, ``candidate`` (int64), ``weight`` (the inverse sampling rate that
        ``variablesToNtuple`` writes as ``__weight__``); always ``file``, the position of the path.
    branches
        The branch that each variable was read from (in the first file).
    dropped
        Number of candidates left out because a variable, Mbc or ΔE is NaN, infinite or missing.
    not_finite
        Number of NaN and infinite values for each name that has any; one candidate may count under several.
    missing
        Likewise the number of values -1 of variables that cannot be negative: what basf2 writes for, say,
        R2 and the thrust of nothing.
    """

    variables: Mapping[str, Array]
    columns: Mapping[str, NDArray[Any]]
    branches: Mapping[str, str]
    dropped: int
    not_finite: Mapping[str, int]
    missing: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.columns["file"])

    def __getitem__(self, rows: slice | NDArray[Any]) -> Ntuple:
        """Some of the candidates, by slice, mask or position."""
        return Ntuple(
            {name: column[rows] for name, column in self.variables.items()},
            {name: column[rows] for name, column in self.columns.items()},
            self.branches,
            self.dropped,
            self.not_finite,
            self.missing,
        )

    @property
    def label(self) -> NDArray[np.int8]:
        """1 for a correct candidate, 0 for continuum, -1 for neither (a wrong candidate in B B̄).

        With ``isSignal`` alone all others are 0, with ``isContinuumEvent`` alone all of B B̄ is 1.

        Raises
        ------
        InputError
            If the ntuple holds no truth, as one of real data does.
        """
        signal, continuum = self.columns.get("is_signal"), self.columns.get("is_continuum")
        if signal is None and continuum is None:
            raise InputError(
                "an ntuple without truth",
                "a branch isSignal or isContinuumEvent",
                "write one of them from simulated events",
            )
        if continuum is None:
            return np.asarray(signal, dtype=np.int8)
        if signal is None:
            return (~continuum).astype(np.int8)
        return np.where(continuum, 0, np.where(signal, 1, -1)).astype(np.int8)


def best_candidates(ntuple: Ntuple, *, by: str = "signal_probability") -> Ntuple:
    """One candidate per event: the one with the greatest ``by``, the first of equals.

    An event is what shares file, production, experiment, run and event number, as far as they are there
    (in simulation, run and event numbers come again in other files).

    Raises
    ------
    InputError
        If the ntuple has no event numbers or no column ``by``.
    """
    for name in ("event", by):
        if name not in ntuple.columns:
            raise InputError(
                f"no column {name!r} among {', '.join(ntuple.columns)}",
                "what choosing the best candidate of an event needs",
                "write it into the ntuple",
            )
    ids = [
        ntuple.columns[name]
        for name in ("event", "run", "experiment", "production", "file")
        if name in ntuple.columns
    ]
    value = np.asarray(ntuple.columns[by], dtype=np.float64)
    value = np.where(np.isnan(value), -np.inf, value)
    order = np.lexsort([-value, *ids])  # stable: of equals the first stays first
    new = np.ones(len(order), dtype=bool)
    new[1:] = np.any([column[order][1:] != column[order][:-1] for column in ids], axis=0)
    return ntuple[np.sort(order[new])]


def read_ntuple(paths: str | Path | Sequence[str | Path], tree: str | None = None) -> Ntuple:
    """Read the thirty variables, candidate by candidate, a piece of each tree at a time.

    Where a file holds KSFW moments both with and without the argument ``FS1`` the former are taken, and
    CLEO cones without ``ROE`` rather than with it: those are the definitions of this package.

    Parameters
    ----------
    paths
        One ROOT file or several, which together make the sample; ``FILE.root:TREE`` names a tree too.
    tree
        Name of the tree in each file that names none; needed only where several trees hold the variables.

    Raises
    ------
    InputError
        For files that are no ROOT files or damaged, trees that are not there, empty or not unique,
        missing branches (all are named at once, with similar names), branches that do not hold one
        number per candidate, definitions that differ between files, and ntuples in which no
        candidate is finite.
    """
    files = [split_tree(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    if not files:
        raise InputError("no files", "at least one ROOT file")
    pieces: dict[str, list[NDArray[Any]]] = defaultdict(list)
    not_finite: dict[str, int] = defaultdict(int)
    missing: dict[str, int] = defaultdict(int)
    first: _Layout | None = None
    rows = 0
    for position, (path, own) in enumerate(files):
        with _opened(path) as file:
            chosen, layout = _choose_tree(path, _trees(file), own or tree)
            if first is None:
                first = layout
            elif (layout.arguments, set(layout.columns)) != (first.arguments, set(first.columns)):
                raise InputError(
                    f"{path} holds {layout}, {files[0][0]} {first}", "the same definitions in every file"
                )
            for piece in _pieces(path, chosen, layout):
                rows += len(piece["R2"])
                good = _complete(piece, not_finite, missing)
                pieces["file"].append(np.full(int(good.sum()), position, dtype=np.int32))
                for name, column in piece.items():
                    pieces[name].append(column[good])
    columns = {name: np.concatenate(parts) for name, parts in pieces.items()}
    kept = len(columns["file"])
    if not kept:
        raise InputError(
            f"{files[0][0]}: none of {rows} candidates has values of all thirty variables",
            "numbers",
            "run buildContinuumSuppression before the ntuple is written "
            f"(NaN, infinite or -1: {', '.join(list({**not_finite, **missing})[:5])})",
        )
    if "is_not_continuum" in columns:
        inverted = ~columns.pop("is_not_continuum")
        columns.setdefault("is_continuum", inverted)
    assert first is not None
    variables = {name: columns.pop(name) for name in VARIABLES}
    return Ntuple(variables, columns, first.branches, rows - kept, not_finite, missing)


def split_tree(path: str | Path) -> tuple[Path, str | None]:
    """The file and the tree that ``FILE.root:TREE`` names, as uproot and ROOT's tools have it.

    Examples
    --------
    >>> split_tree("b0.root:variables")
    (PosixPath('b0.root'), 'variables')
    """
    name, colon, tree = str(path).rpartition(".root:")
    if not colon or not tree or Path(path).exists():
        return Path(path), None
    return Path(f"{name}.root"), tree


def _complete(
    piece: Mapping[str, NDArray[Any]], not_finite: dict[str, int], missing: dict[str, int]
) -> NDArray[np.bool_]:
    """Which candidates have all numbers; what they lack is counted."""
    complete = np.ones(len(piece["R2"]), dtype=bool)
    for name in (*VARIABLES, "mbc", "delta_e"):
        if name not in piece:
            continue
        finite = np.isfinite(piece[name])
        absent = piece[name] == _MISSING if name in _NOT_NEGATIVE else ~finite & False
        for counts, which in ((not_finite, ~finite), (missing, absent)):
            if which.any():
                counts[name] += int(which.sum())
        complete &= finite & ~absent
    return complete


# -- names -----------------------------------------------------------------------------------------


class _Name(NamedTuple):
    """A branch name taken apart: ``Bsig_CleoConeCS__bo1__cmROE__bc`` is cleoCone1 of Bsig_ with roe."""

    variable: str
    prefix: str
    arguments: tuple[str, ...]


class _Layout(NamedTuple):
    """Where a tree keeps what is read."""

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


def _layout(names: Sequence[str], where: str) -> _Layout:
    """Branches of one prefix, and of one set of arguments for each family, that hold all variables."""
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
    lower = {_unescaped(name): name for name in reversed(names)}
    lower |= {name.lower(): name for name in reversed(names)}
    columns: dict[str, str] = {}
    for column, spellings in _COLUMNS.items():
        present = [lower[p + s] for s in spellings for p in dict.fromkeys((prefix, "")) if p + s in lower]
        if present:
            columns[column] = present[0]
    return _Layout(branches, columns, arguments)


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


# -- files -----------------------------------------------------------------------------------------


_TREES = ("TTree", "TNtuple", "TNtupleD", "ROOT::RNTuple")
"""Classes that are trees; ROOT's TNtuple is a TTree of floats."""


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import uproot  # takes longer to load than most of what this package does

    if not path.is_file():
        raise InputError(f"{path}: no such file", "a ROOT file", "check the path")
    try:
        with uproot.open(path) as file:
            yield file
    except InputError:
        raise
    except Exception as error:  # a damaged file makes uproot and what unpacks for it raise anything
        reason = " ".join(str(error).split())[:100]
        raise InputError(
            f"{path} cannot be read as a ROOT file ({reason})", "a ROOT file that was closed properly"
        ) from error


def _trees(file: Any) -> dict[str, Any]:
    classes = file.classnames(cycle=False)
    return {name: file[name] for name, kind in classes.items() if kind in _TREES}


def _choose_tree(path: Path, trees: Mapping[str, Any], name: str | None) -> tuple[Any, _Layout]:
    if not trees:
        raise InputError(f"{path} holds no tree", "a tree with one row per candidate")
    if name is not None:
        if name not in trees:
            raise InputError(f"{path} holds no tree {name!r}", f"one of {', '.join(trees)}")
        trees = {name: trees[name]}
    problems, layouts = {}, {}
    for key, tree in trees.items():
        try:
            layouts[key] = _layout(tree.keys(), f"{path}: tree {key!r}")
        except InputError as error:
            problems[key] = error
    if len(layouts) > 1:
        raise InputError(
            f"{path} holds the variables in several trees: {', '.join(layouts)}",
            "the name of one",
            f"name it as {path}:{next(iter(layouts))}, or with --set data.tree={next(iter(layouts))}",
        )
    if not layouts:
        if len(problems) == 1:
            raise next(iter(problems.values()))
        raise InputError(
            f"{path}: none of the trees {', '.join(trees)} holds all thirty continuum variables",
            "a tree that does",
            f"name one, as {path}:{next(iter(trees))}, to see what it lacks",
        )
    (chosen,) = layouts
    if not trees[chosen].num_entries:
        raise InputError(f"{path}: tree {chosen!r} is empty", "at least one candidate")
    return trees[chosen], layouts[chosen]


def _pieces(path: Path, tree: Any, layout: _Layout) -> Iterator[dict[str, NDArray[Any]]]:
    wanted = {**layout.branches, **layout.columns}
    names = set(wanted.values())
    for piece in tree.iterate(filter_name=lambda name: name in names, step_size=STEP, library="np"):
        out = {}
        for name, branch in wanted.items():
            column = piece[branch]
            if column.dtype.kind not in "biuf" or column.ndim != 1:
                raise InputError(
                    f"{path}: branch {branch} does not hold numbers one by one",
                    "one number per candidate",
                    "write one row per candidate with variablesToNtuple",
                )
            if name in _TRUTH:  # NaN: a candidate that matches no generated particle
                out[name] = column == 1
            elif name in _INTEGERS:
                out[name] = _whole(column, f"{path}: branch {branch}")
            else:
                out[name] = column.astype(np.float64)
        if "weight" in out and not (np.isfinite(out["weight"]) & (out["weight"] > 0)).all():
            raise InputError(
                f"{path}: branch {wanted['weight']} holds weights that are not positive", "numbers above 0"
            )
        yield out


def _whole(column: NDArray[Any], where: str) -> NDArray[np.int64]:
    """Numbers of events and the like, which basf2 may write as floats."""
    if column.dtype.kind == "f":
        fits = np.abs(column) < 2.0**63
        fits[fits] &= column[fits] == np.rint(column[fits])
    else:
        fits = column <= np.iinfo(np.int64).max
    if not fits.all():
        raise InputError(f"{where} holds {column[np.argmin(fits)]}", "whole numbers of at most 63 bits")
    return column.astype(np.int64)

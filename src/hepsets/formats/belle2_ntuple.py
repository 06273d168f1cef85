"""Belle II ntuples: ROOT trees with one row per B candidate, read for the thirty continuum variables."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.formats.column_names import COLUMNS, VARIABLES, Layout, find_layout
from hepsets.formats.root_files import in_steps, opened, split_tree, trees_of

Array = NDArray[np.float64]

NOT_NEGATIVE = tuple(name for name in VARIABLES if re.match("R2|thrust|cos|et|cleo", name))
"""Variables that cannot be negative."""

MISSING = -1.0
"""What basf2 writes for variables that cannot be negative where there is nothing, as R2 of no particles."""


@dataclass(frozen=True, eq=False)
class Ntuple:
    """Candidates of Belle II ntuples.

    Parameters
    ----------
    variables
        One array of shape ``(n_candidates,)`` for every name in
        :data:`~hepsets.select.variables.continuum.VARIABLES`, all finite.
    columns
        What else was there of :data:`~hepsets.formats.column_names.COLUMNS`, each of shape
        ``(n_candidates,)``: ``mbc`` and ``delta_e`` [GeV], ``weight`` (of either sign; the inverse sampling
        rate that ``variablesToNtuple`` writes as ``__weight__``, or another branch), …; always ``file``, the
        position of the path.
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

        Shape ``(n_candidates,)``.
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


def read_ntuple(
    paths: str | Path | Sequence[str | Path],
    tree: str | None = None,
    *,
    weight: str | None = None,
    weight_is_needed: bool = True,
) -> Ntuple:
    """Read the thirty variables, candidate by candidate, a piece of each tree at a time.

    Where a file holds KSFW moments both with and without the argument ``FS1`` the former are taken, and
    CLEO cones without ``ROE`` rather than with it: those are the definitions of this package.

    Parameters
    ----------
    paths
        One ROOT file or several, which together make the sample; ``FILE.root:TREE`` names a tree too.
    tree
        Name of the tree in each file that names none; needed only where several trees hold the variables.
    weight
        Branch with the candidates' weights (sWeights, sidebands) in place of ``__weight__``.
    weight_is_needed
        Whether files without that branch are refused; else ``__weight__`` takes its place, if there is one.

    Raises
    ------
    InputError
        For files that are no ROOT files or damaged, trees that are not there, empty or not unique,
        missing branches (all are named at once, with similar names), branches that do not hold one
        number per candidate, definitions that differ between files, weights that are not finite or do not
        add to a positive number, and ntuples in which no candidate is finite.
    """
    files = [split_tree(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    if not files:
        raise InputError("no files", "at least one ROOT file")
    pieces: dict[str, list[NDArray[Any]]] = defaultdict(list)
    not_finite: dict[str, int] = defaultdict(int)
    missing: dict[str, int] = defaultdict(int)
    first: Layout | None = None
    rows = 0
    for position, (path, own) in enumerate(files):
        with opened(path) as file:
            chosen, layout = _choose_tree(path, trees_of(file), own or tree)
            if weight is not None and weight in chosen.keys():  # noqa: SIM118  (a tree, no mapping)
                layout.columns["weight"] = weight
            elif weight is not None and weight_is_needed:
                raise InputError(
                    f"{path} without a branch {weight}", "the branch of the weights",
                    "correct data.weight, or leave it out",
                )  # fmt: skip
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
    if "weight" in columns and not columns["weight"].sum() > 0:
        raise InputError(
            f"{files[0][0]}: weights that add to {columns['weight'].sum():g}", "a positive sum of weights"
        )
    variables = {name: columns.pop(name) for name in VARIABLES}
    return Ntuple(variables, columns, first.branches, rows - kept, not_finite, missing)


def _complete(
    piece: Mapping[str, NDArray[Any]], not_finite: dict[str, int], missing: dict[str, int]
) -> NDArray[np.bool_]:
    """Which candidates have all numbers; what they lack is counted."""
    complete = np.ones(len(piece["R2"]), dtype=bool)
    for name in (*VARIABLES, "mbc", "delta_e"):
        if name not in piece:
            continue
        finite = np.isfinite(piece[name])
        absent = piece[name] == MISSING if name in NOT_NEGATIVE else ~finite & False
        for counts, which in ((not_finite, ~finite), (missing, absent)):
            if which.any():
                counts[name] += int(which.sum())
        complete &= finite & ~absent
    return complete


# -- files -----------------------------------------------------------------------------------------


def _choose_tree(path: Path, trees: Mapping[str, Any], name: str | None) -> tuple[Any, Layout]:
    if not trees:
        raise InputError(f"{path} holds no tree", "a tree with one row per candidate")
    if name is not None:
        if name not in trees:
            raise InputError(f"{path} holds no tree {name!r}", f"one of {', '.join(trees)}")
        trees = {name: trees[name]}
    problems, layouts = {}, {}
    for key, tree in trees.items():
        try:
            layouts[key] = find_layout(tree.keys(), f"{path}: tree {key!r}")
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


def _pieces(path: Path, tree: Any, layout: Layout) -> Iterator[dict[str, NDArray[Any]]]:
    wanted = {**layout.branches, **layout.columns}
    names = set(wanted.values())
    for piece in in_steps(tree, names, "np"):
        out = {}
        for name, branch in wanted.items():
            column = piece[branch]
            if column.dtype.kind not in "biuf" or column.ndim != 1:
                raise InputError(
                    f"{path}: branch {branch} does not hold numbers one by one",
                    "one number per candidate",
                    "write one row per candidate with variablesToNtuple",
                )
            kind = COLUMNS[name].kind if name in COLUMNS else "number"
            if kind == "truth":
                out[name] = column == 1
            elif kind == "whole":
                out[name] = _whole(column, f"{path}: branch {branch}")
            else:
                out[name] = column.astype(np.float64)
        if "weight" in out and not np.isfinite(out["weight"]).all():
            raise InputError(
                f"{path}: branch {wanted['weight']} holds weights that are not finite", "finite numbers"
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

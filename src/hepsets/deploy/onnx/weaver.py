"""The JSON file beside an ONNX model by which FCCAnalyses (``WeaverInterface``) prepares its inputs.

For every input of the model it names variables of jets' constituents, and for each variable what is done:
what is not finite becomes ``replace_inf_value``; then (value − ``median``) × ``norm_factor``, clipped to
``lower_bound`` … ``upper_bound``; lists are cut at ``max_length`` and filled to ``min_length`` with ``pad``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.whole_file import whole_file
from hepsets.represent.scaler import Scaler

MASK = "_mask"
"""What the name of a variable holds that is 1 for every constituent; FCCAnalyses makes it itself."""

UNBOUNDED = 1e32
"""A bound that cuts nothing, as weaver writes it."""


@dataclass(frozen=True)
class WeaverVariable:
    """A variable of an input and its preparation.

    Parameters
    ----------
    name
        As FCCAnalyses calls it, ``pfcand_erel_log``, say.
    median, norm_factor
        What is subtracted, and the factor after that.
    lower_bound, upper_bound
        The result is clipped to them.
    pad
        What lists are filled up with, after all that.
    replace_inf_value
        What stands in for a value that is not finite, before all that.
    """

    name: str
    median: float = 0.0
    norm_factor: float = 1.0
    lower_bound: float = -UNBOUNDED
    upper_bound: float = UNBOUNDED
    pad: float = 0.0
    replace_inf_value: float = 0.0


@dataclass(frozen=True)
class WeaverInput:
    """An input of the model: float32 of shape ``(1, n_variables, n_constituents)``.

    Parameters
    ----------
    name
        As in the ONNX file; FCCAnalyses' helper wants ``pf_features`` and ``pf_vectors`` among them.
    variables
        In the order of the input's second axis.
    min_length, max_length
        Least and greatest number of constituents; equal for a model that wants one length, as FCCAnalyses'
        ONNX helper does: it takes no inputs of a length that is left open.
    """

    name: str
    variables: tuple[WeaverVariable, ...]
    min_length: int = 1
    max_length: int = 128


def scaled_variables(names: Sequence[str], scaler: Scaler) -> tuple[WeaverVariable, ...]:
    """Variables that are prepared as a scaler does.

    Raises
    ------
    InputError
        If the scaler has another number of features.

    Examples
    --------
    >>> scaled_variables(["pfcand_e"], Scaler(1))[0].norm_factor
    1.0
    """
    means, scales = scaler.mean.tolist(), scaler.scale.tolist()
    if len(names) != len(means):
        raise InputError(f"{len(names)} names for a scaler of {len(means)} features", "one for each")
    return tuple(
        WeaverVariable(name, mean, 1 / scale) for name, mean, scale in zip(names, means, scales, strict=True)
    )


def write_weaver_json(path: str | Path, inputs: Sequence[WeaverInput], output_names: Sequence[str]) -> None:
    """Write the file, whole or not at all.

    Parameters
    ----------
    path
        Where it shall stand.
    inputs
        Inputs of the ONNX file, in its order.
    output_names
        Names of the scores, in the order of the model's output.

    Raises
    ------
    InputError
        For what ``WeaverInterface`` would refuse or misread: no inputs or outputs, names that stand twice,
        numbers that are not finite, a ``pad`` outside the bounds, lengths out of order.
    """
    if not inputs or not output_names:
        raise InputError("no inputs or no outputs", "at least one of each")
    for what, names in (
        ("input", [one.name for one in inputs]),
        ("output", list(output_names)),
        *((f"variable of {one.name}", [variable.name for variable in one.variables]) for one in inputs),
    ):
        twice = [name for name in names if names.count(name) > 1]
        if twice or not names:
            raise InputError(f"{what} {twice[0]!r} twice" if twice else f"no {what}", "distinct names")
    record: dict[str, Any] = {
        "output_names": list(output_names),
        "input_names": [one.name for one in inputs],
        **{one.name: _input(one) for one in inputs},
    }
    with whole_file(path) as partial:
        partial.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def weaver_inputs(
    description: Mapping[str, Any], constituents: Mapping[str, NDArray[np.float32]]
) -> dict[str, NDArray[np.float32]]:
    """Inputs of a model for one jet, prepared as a file of :func:`write_weaver_json` says.

    Parameters
    ----------
    description
        The content of the file.
    constituents
        Variables by name, each of shape ``(n_constituents,)``.

    Returns
    -------
    dict
        By input, shape ``(1, n_variables, length)``.
    """
    found = {}
    number = len(next(iter(constituents.values())))
    for name in description["input_names"]:
        group = description[name]
        shortest, longest = (group.get("var_length", group.get(key)) for key in ("min_length", "max_length"))
        length = min(max(number, shortest), longest)
        rows = np.empty((len(group["var_names"]), length), dtype=np.float32)
        for row, variable in zip(rows, group["var_names"], strict=True):
            info = group["var_infos"][variable]
            values = np.ones(number, dtype=np.float32) if MASK in variable else constituents[variable]
            finite = np.where(np.isfinite(values), values, np.float32(info["replace_inf_value"]))
            scaled = (finite - np.float32(info["median"])) * np.float32(info["norm_factor"])
            row[:] = info["pad"]
            row[:number] = np.clip(scaled, info["lower_bound"], info["upper_bound"])[:length]
        found[name] = rows[None]
    return found


def _input(one: WeaverInput) -> dict[str, Any]:
    if not 0 <= one.min_length <= one.max_length or not one.max_length:
        raise InputError(
            f"lengths {one.min_length} to {one.max_length} of input {one.name}", "0 ≤ min_length ≤ max_length"
        )
    lengths: dict[str, Any] = {"min_length": one.min_length, "max_length": one.max_length}
    if one.min_length == one.max_length:
        lengths = {"var_length": one.max_length}
    return {
        "var_names": [variable.name for variable in one.variables],
        "var_infos": {variable.name: _info(variable) for variable in one.variables},
        **lengths,
    }


def _info(variable: WeaverVariable) -> dict[str, float]:
    info = {
        name: float(getattr(variable, name))
        for name in ("median", "norm_factor", "replace_inf_value", "lower_bound", "upper_bound", "pad")
    }
    bad = [name for name, value in info.items() if not math.isfinite(value)]
    if bad:
        raise InputError(f"{bad[0]} = {info[bad[0]]} of {variable.name}", "finite numbers")
    if not info["lower_bound"] <= info["pad"] <= info["upper_bound"]:
        raise InputError(
            f"pad {info['pad']} of {variable.name}",
            f"a number between its bounds {info['lower_bound']} and {info['upper_bound']}",
        )
    return info

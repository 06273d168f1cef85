"""What FCCAnalyses' ``WeaverInterface`` does with the JSON file and a jet, anew in numpy from its rules."""

from __future__ import annotations

import json

import numpy as np


def prepared(path, registered):
    """The inputs of the model for one jet.

    Parameters
    ----------
    path
        The JSON file.
    registered
        The jet's constituents by variable, as an analysis registers them.
    """
    description = json.loads(path.read_text(encoding="utf-8"))
    number = len(next(iter(registered.values())))
    return {name: _input(description[name], registered, number) for name in description["input_names"]}


def _input(group, registered, number):
    low = high = group.get("var_length")
    if low is None:
        low, high = group["min_length"], group["max_length"]
    rows = []
    for name in group["var_names"]:
        values = np.ones(number) if "_mask" in name else np.asarray(registered[name], dtype=np.float32)
        info = group["var_infos"][name]
        assert info["lower_bound"] <= info["pad"] <= info["upper_bound"]
        values = np.where(np.isfinite(values), values, info["replace_inf_value"])
        values = (values - info["median"]) * info["norm_factor"]
        values = np.clip(values, info["lower_bound"], info["upper_bound"])
        row = np.full(min(max(number, low), high), info["pad"], dtype=np.float32)
        row[: min(number, len(row))] = values[: len(row)]
        rows.append(row)
    return np.stack(rows)[None]

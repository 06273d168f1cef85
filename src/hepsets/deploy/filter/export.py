"""From the folder of a run to a filter: model and card into one ONNX file, compared with PyTorch."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np

from hepsets.core.errors import InputError
from hepsets.core.events import Events, iter_parquet
from hepsets.core.record import checksum_of_file
from hepsets.deploy.filter.card import OWN_FILES, FilterCard, load_card
from hepsets.deploy.onnx.decay_trees import export_filter
from hepsets.learn.decay_trees.model import EventModel
from hepsets.learn.files import load
from hepsets.learn.registry import recipes

COMPARED_EVENTS = 1000
"""Events on which the exported graph is compared with the model."""

_SEED = 17


def export_from_run(run: Path, name: str, out: Path, data: Path | None = None) -> tuple[int, float]:
    """Export a model of a finished run.

    Parameters
    ----------
    run
        Folder with ``models/NAME.safetensors`` and ``models/NAME.card.json``.
    name
        The model.
    out
        ONNX file to write.
    data
        Events to compare the scores on; if there are none, generated ones of the card's sample, or of
        all event types that the model can be told.

    Returns
    -------
    tuple
        How many events were compared, and the greatest difference of scores.

    Raises
    ------
    InputError
        If the run lacks the model or its card, the card is of another model or training, or as
        :func:`hepsets.deploy.onnx.decay_trees.export_filter`.
    """
    path = model_file(run, name)
    if not out.parent.is_dir():
        raise InputError(f"no folder {out.parent}", "an existing folder", "create it first")
    model, name = load(path, EventModel), path.stem
    card = load_card(path.with_name(f"{name}.card.json"))
    of_a_recipe = name in recipes("decay_trees")  # a run may call a model by what it is trained for
    if card.model != name or (of_a_recipe and model.name != name):
        raise InputError(
            f"{path} holds {model.name!r}, and the card beside it is of {card.model!r}",
            f"model and card of {name!r}",
            "copy both from the run once more",
        )
    if card.model_sha256 not in ("", checksum_of_file(path)):
        raise InputError(
            f"{path} holds another training than the one that the card beside it was made for",
            "model and card of one run",
            "copy both from the run once more",
        )
    data = data or own_file(run, card)
    events = _generated(card) if data is None else next(iter_parquet(data))
    events = events[:COMPARED_EVENTS]
    return len(events), export_filter(model, card, out, events)


def model_file(run: Path, name: str) -> Path:
    """The file of a model of a finished run.

    Raises
    ------
    InputError
        If the run has no such model.
    """
    path = run / "models" / f"{name}.safetensors"
    if not path.is_file():
        there = ", ".join(models_of(run))
        raise InputError(f"no model {name!r} in {run}", f"one of {there or 'a finished run'}")
    return path


def models_of(run: Path) -> dict[str, Path]:
    """Files of the models of a run by their names, which hold the name of a folder where there is one."""
    folder = run / "models"
    files = sorted(folder.rglob("*.safetensors"))
    return {file.relative_to(folder).with_suffix("").as_posix(): file for file in files}


def own_file(run: Path, card: FilterCard) -> Path | None:
    """The user's file that a run was trained on, here or beside the run; none for generated events."""
    config = run / "config.toml"
    if card.sample != OWN_FILES or not config.is_file():
        return None
    given = tomllib.loads(config.read_text("utf-8")).get("data", {}).get("train", ())
    places = (Path(one) for name in given for one in (name, run.parent / name))
    return next((one for one in places if one.is_file()), None)


def _generated(card: FilterCard) -> Events:
    from hepsets.generate.pythia import SAMPLES, generate_block

    samples = card.event_types or (card.sample,)
    if not set(samples) <= set(SAMPLES):
        raise InputError(
            f"a model trained on {card.sample!r}",
            f"one of {', '.join(SAMPLES)}",
            "give --data FILE (data=FILE in Python)",
        )
    each = -(-COMPARED_EVENTS // len(samples))
    parts = [generate_block(sample, _SEED, 0, each) for sample in samples]
    events = Events.concatenate(parts)
    if not card.event_types:
        return events
    return events.with_columns(event_type=np.repeat(np.arange(1, len(samples) + 1), each))

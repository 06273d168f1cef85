import dataclasses
import hashlib
import io
import random

import pytest
import torch
from helpers.random_events import muon_label, random_events

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.core.pdg import PdgMap
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.training.checkpoint import _head
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import FitResult, fit
from hepsets.learn.training.losses import ComputingTime
from hepsets.learn.training.task import Binary

EVENTS = random_events(100, seed=5, mean_particles=12)
LABELS = muon_label(EVENTS)
CONFIG = FitConfig(epochs=1, batch=64, learning_rate=0.01, device="cpu")


def fitted(
    checkpoint, events=EVENTS, labels=LABELS, weights=None, config=CONFIG, task=None, **options
) -> FitResult:
    model = build_model("deep_sets", PdgMap.fit(EVENTS.particles["pdg"]), **options)
    return fit(model, events, labels, weights, config=config, task=task, checkpoint=checkpoint)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> bytes:
    """A checkpoint after one epoch."""
    path = tmp_path_factory.mktemp("fit") / "fit.checkpoint"
    fitted(path)
    return path.read_bytes()


@pytest.fixture
def checkpoint(whole, tmp_path):
    path = tmp_path / "fit.checkpoint"
    path.write_bytes(whole)
    return path


def refused(checkpoint, reason: str, **options) -> None:
    """It is named, with what to do, and left as it is."""
    before = checkpoint.read_bytes()
    with pytest.raises(InputError, match=reason) as caught:
        fitted(checkpoint, **options)
    assert str(checkpoint) in str(caught.value)
    assert "remove it to start again" in str(caught.value)
    assert checkpoint.read_bytes() == before


FASTER = Events({**EVENTS.particles, "px": 2 * EVENTS.particles["px"]}, EVENTS.offsets, EVENTS.columns)


@pytest.mark.parametrize(
    "other",
    [
        {"labels": 1 - LABELS},
        {"weights": 1 + LABELS},
        {"task": Binary(ComputingTime())},
        {"units": 16},
        {"events": FASTER},
        {"events": EVENTS[:-1], "labels": LABELS[:-1]},
        {"config": dataclasses.replace(CONFIG, seed=1)},
        {"config": dataclasses.replace(CONFIG, learning_rate=0.02)},
    ],
    ids=["labels", "weights", "loss", "model", "momenta", "fewer events", "seed", "learning rate"],
)
def test_the_checkpoint_of_another_fit_is_refused(checkpoint, other) -> None:
    refused(checkpoint, "another fit", **other)


def test_a_checkpoint_that_is_cut_anywhere_is_refused(checkpoint, whole) -> None:
    for length in (0, 1, len(_head(b"")) - 1, len(_head(b"")), len(whole) // 2, len(whole) - 1):
        checkpoint.write_bytes(whole[:length])
        refused(checkpoint, "no checkpoint")


def test_a_checkpoint_with_any_bit_flipped_is_refused(checkpoint, whole) -> None:
    chance = random.Random(1)
    for place in [0, len(_head(b"")) - 1, *(chance.randrange(len(whole)) for _ in range(12))]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << chance.randrange(8)
        checkpoint.write_bytes(damaged)
        refused(checkpoint, "no checkpoint")


def test_what_is_no_checkpoint_is_refused(checkpoint, whole) -> None:
    saved = io.BytesIO()
    torch.save({"some": torch.zeros(1)}, saved)
    for content in (b"nonsense", whole + b"more", saved.getvalue()):
        checkpoint.write_bytes(content)
        refused(checkpoint, "no checkpoint")


class _Bomb:
    def __reduce__(self):
        return (pytest.fail, ("code from a checkpoint was executed",))


def test_a_checkpoint_never_executes_code(checkpoint) -> None:
    bomb = io.BytesIO()
    torch.save(_Bomb(), bomb)
    content = bomb.getvalue()
    assert hashlib.sha256(content).hexdigest().encode() in _head(content)
    checkpoint.write_bytes(_head(content) + content)
    refused(checkpoint, "no checkpoint")


def test_without_the_damaged_checkpoint_the_fit_starts_again_and_finds_the_same(checkpoint, whole) -> None:
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 1
    checkpoint.write_bytes(damaged)
    refused(checkpoint, "no checkpoint")
    checkpoint.unlink()
    again, resumed = fitted(checkpoint), fitted(checkpoint)
    assert [record.validation_loss for record in again.history] == [
        record.validation_loss for record in resumed.history
    ]

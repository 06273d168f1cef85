"""Train the cross-fitted candidate classifiers on generated events and write them into the package.

    hepsets generate mixed --events 500000 --seed 90001 --out mixed.parquet
    hepsets generate charged --events 500000 --seed 90002 --out charged.parquet
    python tools/candidate_classifier.py mixed.parquet charged.parquet

First the charm network learns true from false D0, D+ and Ds candidates; then, with its out-of-fold
logits as input, the B network learns fully correct candidates in the Mbc and Delta E window: B0 modes
from B0 pairs, B+ modes from B+ pairs, so that a probability is one in the sample that has the signal.
Events with even numbers train the network that judges odd numbers and the other way round.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from importlib.resources import files
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hepsets.core.events import Events, iter_parquet
from hepsets.core.kernel import kernel
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.examples import Rows
from hepsets.learn.training.fit import fit
from hepsets.select.candidates.charm import _CHARM_MASS, _MODES, CHARM_MODES, N_CHARM_FEATURES, charm_features
from hepsets.select.candidates.classifier import WEIGHTS_FILE, Classifier, Classifiers
from hepsets.select.candidates.combine import CandidateConfig, combine
from hepsets.select.candidates.record import D0, D_S
from hepsets.select.skims.hadronic_tag import (
    CHARGED_B,
    N_BEAUTY_FEATURES,
    N_MODES,
    NEUTRAL_B,
    TagConfig,
    find_b_mesons,
)
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.detector import simulate

SEED = 20_021
BATCH_EVENTS = 2_000
HIDDEN = 16
CHARM_SHARE = 4
"""One batch in so many is used for the charm network, which has a hundred candidates per B one."""


def batches(paths: Sequence[Path]) -> Iterator[tuple[int, Events, NDArray[np.int64]]]:
    """Batches of events with the number of their file, and event numbers ``(n_events,)`` that run through."""
    number = 0
    for which, path in enumerate(paths):
        for events in iter_parquet(path):
            for begin in range(0, len(events), BATCH_EVENTS):
                part = events[begin : begin + BATCH_EVENTS]
                yield which, part, np.arange(number, number + len(part))
                number += len(part)


@kernel
def _charm_table(
    values: NDArray[np.void],
    offsets: NDArray[np.int64],
    n_tracks: NDArray[np.int64],
    modes: NDArray[np.int64],
    nominal: NDArray[np.float64],
    table: NDArray[np.float64],
    labels: NDArray[np.int64],
) -> int:
    n = 0
    for event in range(len(offsets)):
        for i in range(offsets[event, D0], offsets[event, D_S + 1]):
            mode = values[i].mode
            charm_features(values[i], modes[mode, 6], nominal[modes[mode, 0]], n_tracks[event], table[n])
            labels[n, 0], labels[n, 1], labels[n, 2] = mode, values[i].matched, event
            n += 1
    return n


class CandidateNetwork(nn.Module):
    """One hidden layer, whose units each mode shifts by a vector of its own.

    Parameters
    ----------
    n_features, n_modes
        Features of a candidate, and number of modes.
    """

    def __init__(self, n_features: int, n_modes: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(n_modes, HIDDEN))
        self.linear, self.last = nn.Linear(n_features, HIDDEN), nn.Linear(HIDDEN, 1)

    def forward(self, rows: Tensor) -> Tensor:
        """Logits, shape ``(n,)``, of rows of scaled features and the number of the mode."""
        hidden = torch.relu(self.linear(rows[:, :-1]) + self.shift[rows[:, -1].long()])
        result: Tensor = self.last(hidden).squeeze(1)
        return result


def fit_network(
    features: NDArray[np.float64],
    modes: NDArray[np.int64],
    labels: NDArray[np.bool_],
    n_modes: int,
    epochs: int,
    seed: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """One network: mode shifts, hidden and output weights that take unscaled features.

    A fifth of the candidates picks the epoch. Log loss without class weights, so that the output is
    a probability at the natural abundance of signal.

    Parameters
    ----------
    features, modes, labels
        Of the candidates, shapes ``(n, n_features)``, ``(n,)`` and ``(n,)``.
    n_modes, epochs, seed
        Number of modes, passes over the candidates, and seed of the training.
    """
    torch.manual_seed(seed)
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
    network = CandidateNetwork(features.shape[1], n_modes)
    with torch.no_grad():
        network.last.bias.fill_(float(np.log((labels.mean() + 1e-6) / (1 - labels.mean()))))
    rows = np.column_stack([(features - mean) / scale, modes]).astype(np.float32)
    config = FitConfig(
        epochs=epochs,
        batch=2048,
        learning_rate=5e-3,
        schedule="cosine",
        weight_decay=1e-4,
        validation_fraction=0.2,
        seed=seed,
        device="cpu",
    )
    result = fit(network, Rows(torch.from_numpy(rows)), labels, config=config)
    best = result.history[result.best_epoch - 1].validation_loss
    print(f"  {len(rows)} candidates, {int(labels.sum())} correct, held-out log loss {best:.5f}")
    shift, weight, bias, out_weight, out_bias = (
        parameter.detach().numpy().astype(np.float64)
        for parameter in (network.shift, *network.linear.parameters(), *network.last.parameters())
    )
    hidden = weight.T / scale[:, None]
    return shift + bias - mean @ hidden, hidden, np.concatenate([out_weight[0], out_bias])


def cross_fit(
    features: NDArray[np.float64],
    modes: NDArray[np.int64],
    labels: NDArray[np.bool_],
    numbers: NDArray[np.int64],
    n_modes: int,
    epochs: int,
) -> Classifier:
    """Two networks; fold 0, which judges even events, learns from odd ones.

    ``features`` has shape ``(n_candidates, n_features)``, the other arrays ``(n_candidates,)``.
    """
    parts = []
    for fold in (0, 1):
        chosen = numbers % 2 != fold
        parts.append(
            fit_network(features[chosen], modes[chosen], labels[chosen], n_modes, epochs, SEED + fold)
        )
    return Classifier(*(np.stack(arrays) for arrays in zip(*parts, strict=True)))


def train(mixed: Path, charged: Path) -> Classifiers:
    """Train both networks on the events of a file with B0 pairs and of one with B+ pairs."""
    paths = (mixed, charged)
    blank = Classifiers.blank((len(CHARM_MODES), N_CHARM_FEATURES), (N_MODES, N_BEAUTY_FEATURES))
    tables, labels = [], []
    for _, events, numbers in islice(batches(paths), 0, None, CHARM_SHARE):
        seen = simulate(events, seed=SEED, event_numbers=numbers, detector=BELLE2)
        lists = combine(seen, event_numbers=numbers, classifiers=blank)
        size = int((lists.offsets[:, D_S + 1] - lists.offsets[:, D0]).sum())
        table, label = np.empty((size, N_CHARM_FEATURES)), np.empty((size, 3), dtype=np.int64)
        _charm_table(
            lists.values, lists.offsets, np.diff(seen.track_offsets), _MODES, _CHARM_MASS, table, label
        )
        label[:, 2] = numbers[label[:, 2]]
        tables.append(table)
        labels.append(label)
    print("charm")
    label = np.concatenate(labels)
    charm = cross_fit(np.concatenate(tables), label[:, 0], label[:, 1] > 0, label[:, 2], len(CHARM_MODES), 8)

    half = Classifiers(charm, blank.beauty, "charm only")
    features, modes, correct, event = [], [], [], []
    for which, events, numbers in batches(paths):
        seen = simulate(events, seed=SEED, event_numbers=numbers, detector=BELLE2)
        lists = combine(seen, event_numbers=numbers, classifiers=half)
        found = find_b_mesons(lists, numbers, (NEUTRAL_B, CHARGED_B)[which], classifiers=half)
        features.append(found.features)
        modes.append(found.values["mode"])
        correct.append(found.values["is_correct"])
        event.append(numbers[found.values["event"]])
    print("beauty")
    beauty = cross_fit(
        np.concatenate(features),
        np.concatenate(modes),
        np.concatenate(correct),
        np.concatenate(event),
        N_MODES,
        25,
    )
    provenance = (
        f"candidate_classifier, detector seed {SEED}, "
        f"files {', '.join(path.name for path in paths)}, {len(np.unique(np.concatenate(event)))} events "
        f"with candidates, {int(np.concatenate(correct).sum())} correct candidates, "
        f"{CandidateConfig()}, {TagConfig()}"
    )
    return Classifiers(charm, beauty, provenance)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mixed", type=Path, help="events with B0 pairs")
    parser.add_argument("charged", type=Path, help="events with B+ pairs")
    parser.add_argument(
        "--out", type=Path, default=Path(str(files("hepsets.select.candidates") / WEIGHTS_FILE))
    )
    arguments = parser.parse_args()
    classifiers = train(arguments.mixed, arguments.charged)
    classifiers.save(arguments.out)
    print(classifiers.provenance)


if __name__ == "__main__":
    main()

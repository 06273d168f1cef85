"""Hidden particles are predicted: those that were seen as a set, generated ones at their places in trees."""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn
from torch.nn import functional

from hepsets.learn.layers.mlp import mlp
from hepsets.learn.layers.set_encoder import Encoded
from hepsets.learn.particle_sets.particle_encoder import FARTHEST, MARK
from hepsets.learn.pretraining.encoder import Trunk
from hepsets.learn.pretraining.hiding import SLOTS, Shown
from hepsets.represent.particle_sets.data import PackedSet
from hepsets.represent.particle_sets.features import IDENTIFICATION, SetSpec
from hepsets.represent.particle_sets.joined import JoinedSets

_OF_IDENTITY = (*IDENTIFICATION, "charge")


class Predictor(nn.Module):
    """From a slot's vector to the features and the identity of a hidden member of one set.

    Identity is one of ten: the most probable of five species, of either charge. A set whose members have no
    charge has one identity.

    Parameters
    ----------
    spec
        The set.
    units
        Width of the vectors.
    """

    def __init__(self, spec: SetSpec, units: int) -> None:
        super().__init__()
        identified = all(name in spec.features for name in _OF_IDENTITY)
        without = (*_OF_IDENTITY, MARK) if identified else (MARK,)
        self.numbers = [i for i, name in enumerate(spec.features) if name not in without]
        self.names = tuple(spec.features[i] for i in self.numbers)
        self.species = [spec.features.index(name) for name in IDENTIFICATION] if identified else []
        self.charge = spec.features.index("charge") if identified else 0
        self.identities = 10 if identified else 1
        self.slots = nn.Embedding(SLOTS, units)
        self.network = nn.Sequential(
            mlp(units, [units]), nn.Linear(units, len(self.numbers) + self.identities)
        )

    def wanted(self, hidden: PackedSet, scaled: Tensor) -> tuple[Tensor, Tensor]:
        """Scaled features and identities of hidden members, shapes ``(n, n_numbers)`` and ``(n,)``."""
        numbers = scaled[:, self.numbers].clamp(-FARTHEST, FARTHEST)
        if not self.species:
            return numbers, torch.zeros(len(numbers), dtype=torch.int64, device=numbers.device)
        species = hidden.features[:, self.species].argmax(1)
        return numbers, species + 5 * (hidden.features[:, self.charge] > 0)

    def forward(self, slots: Tensor) -> tuple[Tensor, Tensor]:
        """Scaled features, and log probabilities of identities, for vectors of shape ``(n, units)``."""
        both = self.network(slots)
        at = len(self.numbers)
        return both[:, :at], functional.log_softmax(both[:, at:], dim=1)


class Masked(nn.Module):
    """The loss of hidden particles.

    Of reconstructed ones it is that of the best assignment of predictions to hidden particles within the
    event (Kuhn, Nav. Res. Logist. 2 (1955) 83): no order among them is needed.

    Parameters
    ----------
    trunk
        Whose vectors are read.
    """

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        units = trunk.config.units
        self.predictors = nn.ModuleList(Predictor(spec, units) for spec in trunk.config.sets)
        self.of_tree = nn.Sequential(
            mlp(units, [units]), nn.Linear(units, len(trunk.features) + len(trunk.pdg_map))
        )

    def slots(self, shown: Shown) -> list[tuple[PackedSet, Tensor]]:
        """A member for each hidden one, of which only the set is known; vectors of shape ``(n, units)``."""
        found = []
        for predictor, hidden, slot in zip(self.predictors, shown.hidden, shown.slots, strict=True):
            assert isinstance(predictor, Predictor)
            found.append((hidden, predictor.slots(slot)))
        return found

    def predicted(self, seen: Encoded, which: int) -> tuple[Tensor, Tensor]:
        """What is predicted of the hidden members of one set, by slot; see :meth:`Predictor.forward`."""
        owner = seen.owner
        assert isinstance(owner, JoinedSets)
        predictor = self.predictors[which]
        result: tuple[Tensor, Tensor] = predictor(owner.part(seen.particles, len(self.predictors) + which))
        return result

    def forward(self, seen: Encoded, tree: Encoded, shown: Shown, trunk: Trunk) -> Tensor:
        """The mean loss of a batch: a sum over sets, features and identities."""
        loss = seen.events.new_zeros(())
        for which, (hidden, scaled) in enumerate(zip(shown.hidden, trunk.scaled(shown.hidden), strict=True)):
            if not hidden.n_particles:
                continue
            predictor = self.predictors[which]
            assert isinstance(predictor, Predictor)
            numbers, identities = self.predicted(seen, which)
            wanted, identity = predictor.wanted(hidden, scaled)
            order = assigned(numbers, identities, wanted, identity, hidden.offsets)
            loss = loss + functional.smooth_l1_loss(numbers, wanted[order])
            loss = loss + functional.nll_loss(identities, identity[order])
        lost = shown.hidden_particles
        if bool(lost.any()):
            both = self.of_tree(tree.particles[lost])
            at = len(trunk.features)
            features = trunk.tree_scaler(shown.batch.generated.features[lost]).clamp(-FARTHEST, FARTHEST)
            loss = loss + functional.smooth_l1_loss(both[:, :at], features)
            loss = loss + functional.cross_entropy(both[:, at:], shown.tokens[lost])
        return loss


def assigned(
    numbers: Tensor, identities: Tensor, wanted: Tensor, identity: Tensor, offsets: Tensor
) -> Tensor:
    """Which hidden particle each prediction stands for, at least cost in each event; int64, shape ``(n,)``.

    Parameters
    ----------
    numbers, wanted
        Predicted and true features, shape ``(n, n_numbers)``.
    identities, identity
        Logarithms of probabilities ``(n, n_identities)``, and true identities ``(n,)``.
    offsets
        Event ``i`` owns ``offsets[i]:offsets[i + 1]`` of either.
    """
    counts = offsets.diff()
    several = counts > 1
    begin, count = offsets[:-1][several], counts[several]
    pairs = count * count
    first = torch.repeat_interleave(begin, pairs)
    width = torch.repeat_interleave(count, pairs)
    at = torch.arange(len(first), device=first.device) - torch.repeat_interleave(
        pairs.cumsum(0) - pairs, pairs
    )
    one, other = first + at // width, first + at % width
    with torch.no_grad():
        cost = functional.smooth_l1_loss(numbers[one], wanted[other], reduction="none").mean(1)
        cost = cost - identities[one, identity[other]]
    order = np.arange(len(wanted))
    values, done = cost.cpu().numpy(), 0
    for start, n in zip(begin.tolist(), count.tolist(), strict=True):
        order[start : start + n] = start + linear_sum_assignment(values[done : done + n * n].reshape(n, n))[1]
        done += n * n
    return torch.from_numpy(order).to(offsets.device)

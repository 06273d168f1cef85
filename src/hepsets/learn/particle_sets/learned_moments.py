"""Learned moments: what Fox–Wolfram moments are to pairs of particles, with a learned function of pairs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from hepsets.core.errors import InputError
from hepsets.learn.layers.mlp import mlp
from hepsets.learn.particle_sets.model import SetModelConfig, SetNetwork
from hepsets.learn.particle_sets.multi_deep_sets import event_mlp, pool
from hepsets.learn.particle_sets.pair_messages import compiled_messages
from hepsets.learn.particle_sets.recipe import SetRecipe
from hepsets.represent.decay_trees.graph import runs_kernels
from hepsets.represent.particle_sets.data import PackedSet, SetBatch
from hepsets.represent.particle_sets.features import IDENTIFICATION, SetSpec
from hepsets.select.variables.own_frames import OWN_VARIABLES

PAIR_FEATURES = (
    "own_1",
    "own_2",
    "own_3",
    "cosine",
    "legendre_2",
    "legendre_4",
    "log_mass",
    "both_signal",
    "both_rest",
    "flavour_charge",
    "both_charged",
    "log_dz",
)
"""Numbers of a pair of particles: products of their direction's components and their sum, the cosine of
the angle between them, with its Legendre polynomials; ln of 2 p₁ p₂ (1 − cos) if both belong to the
candidate (momenta in units of its fastest daughter) or both to the rest [GeV], else 0; whether they do;
products of charges; whether both have one; the difference of ``log_dz`` if so."""

_OF_PAIRS = (
    "own_1",
    "own_2",
    "own_3",
    "log_own_momentum",
    "from_candidate",
    "charge",
    "flavour_charge",
    "log_dz",
)
"""Features of a particle that those of pairs are made of."""

MOMENTS_SET = SetSpec(
    "particles",
    (
        "own_1",
        "own_2",
        "own_3",
        "log_own_momentum",
        "from_candidate",
        "charge",
        "flavour_charge",
        *IDENTIFICATION,
        "log_dr",
        "log_dz",
    ),
    cap=32,
)
"""The particles that the network is made for."""

MOMENTS_CANDIDATE = SetSpec(
    "candidate", ("direction_z", "own_thrust_z", "own_1", "own_2", "own_3"), ("candidate",)
)
"""What it sees of the candidate itself, signs left out."""


class LearnedMoments(SetNetwork):
    r"""Sums over pairs of particles of a learned function, seen from the candidate's thrust axis.

    The KSFW moments are sums over pairs of momenta times Legendre polynomials of the angle between
    them. Here the function is learned, and it sees more than momenta, charges and angles:

    .. math:: h_i = \phi(x_i), \quad
              m_i = \frac{1}{n} \sum_j \mathrm{ReLU}(A h_i + B h_j + C p_{ij} + a), \quad
              z = \rho\big(\mathrm{pool}_{i \in \mathrm{signal}} \psi(h_i, m_i),
              \mathrm{pool}_{i \in \mathrm{rest}} \psi(h_i, m_i), c, e\big),

    with :data:`PAIR_FEATURES` as :math:`p_{ij}`, :math:`x_i` the features of :data:`MOMENTS_SET`
    with absolute values of the direction's components, c those of :data:`MOMENTS_CANDIDATE`, and
    numbers e of the event as a whole.

    Symmetries of unpolarised e⁺e⁻ collisions are built in, not learned: directions are taken along the
    axes of thrust and beam, so a turn around the beam changes nothing, and only as products or
    absolute values, so neither does a mirror or the meaningless sign of the thrust axis; charges
    only as products with each other or with the candidate's, so neither does exchanging all particles with
    their antiparticles.

    Parameters
    ----------
    specs
        The particles, with at least the features of :data:`MOMENTS_SET`, and the candidate.
    units
        Width of the hidden layers; messages have half of it.
    layers
        Hidden layers of :math:`\phi` and :math:`\rho`.
    n_event_features
        Numbers per event.
    dropout
        Dropout probability between the layers of :math:`\rho`.

    Raises
    ------
    InputError
        If these are not the two sets, or the particles lack a feature.
    """

    def __init__(
        self,
        specs: Sequence[SetSpec],
        units: int,
        *,
        layers: int = 2,
        n_event_features: int = 0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if [spec.of_candidate for spec in specs] != [False, True]:
            raise InputError(
                f"the sets {[spec.name for spec in specs]} for learned moments", "particles and candidate"
            )
        spec, candidate = specs
        missing = [name for name in MOMENTS_SET.features if name not in spec.features]
        if missing:
            raise InputError(f"a set without {missing}", f"all of {list(MOMENTS_SET.features)}")
        self.place = {name: spec.features.index(name) for name in spec.features}
        self.per_particle = mlp(len(spec.features), [units] * layers)
        messages = (units + 1) // 2
        self.first = nn.Linear(units, messages)
        self.second = nn.Linear(units, messages, bias=False)
        self.pair = nn.Linear(len(PAIR_FEATURES), messages, bias=False)
        self.update = mlp(units + messages, [units])
        width = 4 * units + len(candidate.features) + n_event_features
        self.per_event = event_mlp(width, units, layers, dropout)

    def forward(self, features: tuple[Tensor, ...], event_features: Tensor, batch: SetBatch) -> Tensor:
        """Logits, shape ``(n_events, 1)``."""
        x, one, candidate = features[0], batch.sets[0], batch.sets[1].features.abs()
        h = self.per_particle(self._mirrored(x, one.features))
        values = self.update(torch.cat([h, self._messages(h, one)], dim=1))
        signal = one.features[:, self.place["from_candidate"], None]
        pooled = [pool(one.sum(values * own), one.sum(own)[:, 0], "sum_mean") for own in (signal, 1 - signal)]
        result: Tensor = self.per_event(torch.cat([*pooled, candidate, event_features], dim=1))
        return result

    def _mirrored(self, scaled: Tensor, raw: Tensor) -> Tensor:
        """What a particle tells alone: no signs of axes, and its charge as one or none."""
        even = {self.place[name] for name in ("own_1", "own_2", "own_3", "charge")}
        columns = [raw[:, i].abs() if i in even else scaled[:, i] for i in range(scaled.shape[1])]
        return torch.stack(columns, dim=1)

    def _messages(self, h: Tensor, one: PackedSet) -> Tensor:
        """Mean over all j of an event of the learned function of i and j, ``(n_particles, units)``."""
        first, second = self.first(h), self.second(h)
        columns = one.features[:, [self.place[name] for name in _OF_PAIRS]]
        if runs_kernels(h):
            return compiled_messages(columns, first, second, self.pair.weight, one.offsets)
        pairs = AllPairs(one)
        each = functional.relu(
            first.index_select(0, pairs.first)
            + second.index_select(0, pairs.second)
            + self.pair(pair_features(columns, pairs))
        )
        return pairs.mean_over_second(each)


def pair_features(columns: Tensor, pairs: AllPairs) -> Tensor:
    """:data:`PAIR_FEATURES` of all pairs, shape ``(n_pairs, 12)``, from the columns that
    :func:`~hepsets.learn.particle_sets.pair_messages.compiled_messages` takes, ``(n_particles, 8)``.
    """
    a, b = columns.index_select(0, pairs.first), columns.index_select(0, pairs.second)
    products = a * b
    cosine = products[:, :3].sum(1)
    signal, rest = products[:, 4], (1 - a[:, 4]) * (1 - b[:, 4])
    charged = products[:, 5].abs()
    log_mass = a[:, 3] + b[:, 3] + torch.log((2 - 2 * cosine).clamp(min=1e-4))
    return torch.stack(
        [
            *products[:, :3].unbind(1),
            cosine,
            (3 * cosine**2 - 1) / 2,
            (35 * cosine**4 - 30 * cosine**2 + 3) / 8,
            log_mass * (signal + rest) / 4,
            signal,
            rest,
            products[:, 6],
            charged,
            (a[:, 7] - b[:, 7]).abs() * charged,
        ],
        dim=1,
    )


class AllPairs:
    """All ordered pairs of the particles of each event, each with itself included, by first particle."""

    def __init__(self, one: PackedSet) -> None:
        event = one.event_of_particle
        self.partners = one.multiplicity.index_select(0, event)
        end = self.partners.cumsum(0)
        self.offsets = torch.cat([end.new_zeros(1), end])
        if torch.compiler.is_exporting():  # how torch exports repeat_interleave fails for no particles
            n_pairs: int = self.offsets[-1].item()  # type: ignore[assignment]  # not known yet
            torch._check(n_pairs >= 0)  # type: ignore[no-untyped-call]
            inner = self.offsets[1:-1]
            begins = torch.zeros(n_pairs + 1, dtype=torch.int64).scatter_add(0, inner, torch.ones_like(inner))
            self.first = begins.cumsum(0)[:-1]
        else:
            self.first = torch.repeat_interleave(self.partners)
        place = torch.arange(self.first.shape[0], device=event.device)
        start = one.offsets.index_select(0, event) - self.offsets[:-1]
        self.second = place + start.index_select(0, self.first)

    def mean_over_second(self, values: Tensor) -> Tensor:
        """From ``(n_pairs, k)`` to ``(n_particles, k)``."""
        return PackedSet(values, self.offsets).mean(values)


def _network(config: SetModelConfig) -> LearnedMoments:
    return LearnedMoments(
        config.sets,
        config.units,
        layers=config.layers,
        n_event_features=len(config.event_features),
        dropout=config.dropout,
    )


RECIPES = (
    SetRecipe(
        name="learned_moments",
        config=SetModelConfig(
            sets=(MOMENTS_SET, MOMENTS_CANDIDATE),
            event_features=OWN_VARIABLES,
            units=96,
            dropout=0.2,
        ),
        network=_network,
    ),
)

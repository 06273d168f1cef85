"""What a trunk is pre-trained for: one objective, or several with weights, as one task of the loop."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from hepsets.core.errors import InputError
from hepsets.learn.layers.set_encoder import Encoded
from hepsets.learn.pretraining.contrastive import Contrastive
from hepsets.learn.pretraining.corpus import CorpusData
from hepsets.learn.pretraining.encoder import Trunk
from hepsets.learn.pretraining.hiding import Hide, Shown
from hepsets.learn.pretraining.masked import Masked
from hepsets.learn.pretraining.supervised import Supervised
from hepsets.learn.seeded import seeded
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import FitResult, Progress, fit
from hepsets.learn.training.task import SelfSupervised
from hepsets.learn.training.trainable import TrainingData

NAMES = ("masked", "contrastive", "supervised")


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ObjectiveConfig:
    """Weights of the objectives, 0 for those that are not wanted.

    Parameters
    ----------
    masked, contrastive, supervised
        The weights.
    hidden_share, hidden_generated_share
        Probability of a particle to be hidden, of what was seen and of what was generated.
    temperature
        Of contrastive similarities.
    """

    masked: float = Field(default=0.0, ge=0.0)
    contrastive: float = Field(default=0.0, ge=0.0)
    supervised: float = Field(default=0.0, ge=0.0)
    hidden_share: float = Field(default=0.3, gt=0.0, lt=1.0)
    hidden_generated_share: float = Field(default=0.2, gt=0.0, lt=1.0)
    temperature: float = Field(default=0.1, gt=0.0)

    @property
    def name(self) -> str:
        """Names of those with a weight, joined by ``+``."""
        return "+".join(name for name in NAMES if getattr(self, name))

    @property
    def hide(self) -> Hide:
        """What is hidden: nothing unless hidden particles are to be predicted."""
        if not self.masked:
            return Hide(0.0, 0.0)
        return Hide(self.hidden_share, self.hidden_generated_share)


def objective_of(name: str, **options: Any) -> ObjectiveConfig:
    """The objectives of a name such as ``"supervised+masked"``, equally weighted but for ``options``.

    Raises
    ------
    InputError
        For another name.
    """
    parts = name.split("+")
    if not set(parts) <= set(NAMES) or len(set(parts)) < len(parts):
        raise InputError(f"objective {name!r}", f"some of {', '.join(NAMES)}, joined by +")
    return ObjectiveConfig(**{**dict.fromkeys(parts, 1.0), **options})


class PretrainingNetwork(nn.Module):
    """A trunk with what its objectives need behind it.

    Parameters
    ----------
    trunk
        The trunk.
    objective
        What it is trained for.
    samples, skims
        How many samples and skims the labels of the corpus tell of.
    """

    def __init__(self, trunk: Trunk, objective: ObjectiveConfig, *, samples: int, skims: int) -> None:
        super().__init__()
        self.trunk, self.objective = trunk, objective
        units = trunk.config.units
        with seeded(trunk.config.seed + 1):
            self.masked = Masked(trunk) if objective.masked else None
            self.contrastive = Contrastive(units, objective.temperature) if objective.contrastive else None
            self.supervised = Supervised(units, samples, skims) if objective.supervised else None

    def encoded(self, shown: Shown) -> tuple[Encoded, Encoded]:
        """What the trunk makes of what was seen, slots of hidden members last, and of what was generated."""
        batch = shown.batch
        slots = [] if self.masked is None else self.masked.slots(shown)
        seen = self.trunk.reconstructed(batch.sets, *slots)
        tree = batch.generated
        if self.masked is not None:  # a hidden particle stands where the scaler's mean is
            features = torch.where(
                shown.hidden_particles[:, None], self.trunk.tree_scaler.mean, tree.features
            )
            tree = dataclasses.replace(tree, features=features)
        return seen, self.trunk.generated(tree)

    def losses(self, shown: Shown) -> dict[str, Tensor]:
        """The loss of each objective by name, a tensor of no shape each."""
        seen, tree = self.encoded(shown)
        found: dict[str, Tensor] = {}
        if self.masked is not None:
            found["masked"] = self.masked(seen, tree, shown, self.trunk)
        if self.contrastive is not None:
            found["contrastive"] = self.contrastive(seen, tree, shown.batch)
        if self.supervised is not None:
            found["supervised"] = self.supervised(seen, tree, shown.batch.labels)
        return found

    def forward(self, shown: Shown) -> Tensor:
        """The weighted sum of the losses of a batch, a number."""
        return torch.stack(
            [getattr(self.objective, name) * loss for name, loss in self.losses(shown).items()]
        ).sum()


def _sum(outputs: Tensor, targets: Tensor) -> Tensor:  # noqa: ARG001 (nothing is to be said but the loss)
    return outputs


def pretrain(
    trunk: Trunk,
    train: TrainingData,
    validation: CorpusData,
    objective: ObjectiveConfig,
    config: FitConfig,
    *,
    samples: int,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
) -> tuple[PretrainingNetwork, FitResult]:
    """Train a trunk in place and leave it in its best validation state.

    Parameters
    ----------
    trunk
        With scales that are fitted already.
    train, validation
        Events of the corpus; the former may be a stream.
    objective
        What for.
    config
        How; ``epoch_examples`` says how often validation and checkpoint come.
    samples
        How many samples the labels tell of.
    progress, checkpoint
        As of :func:`hepsets.learn.training.fit.fit`.

    Raises
    ------
    InputError
        For an objective without any weight, or as ``fit``.
    """
    if not objective.name:
        raise InputError("no objective", f"a weight for one of {', '.join(NAMES)}")
    skims = validation.labels.shape[1] - 2
    network = PretrainingNetwork(trunk, objective, samples=samples, skims=skims)
    result = fit(
        network,
        train,
        None,
        config=config,
        task=SelfSupervised(objective.hide, _sum),
        validation=(validation, None),
        progress=progress,
        checkpoint=checkpoint,
    )
    return network, result


def parts_of(network: PretrainingNetwork, data: CorpusData, *, batch: int = 256) -> Mapping[str, float]:
    """The loss of each objective, averaged over events in memory, the same of them hidden each time."""
    sums: dict[str, float] = {}
    with seeded(0), torch.inference_mode():
        for part in data.batches(batch):
            shown, _ = network.objective.hide(part)
            for name, loss in network.losses(shown).items():
                sums[name] = sums.get(name, 0.0) + float(loss) * part.n_events / len(data)
    return sums

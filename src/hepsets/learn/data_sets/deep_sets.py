"""Deep Sets on decays: a network per event, the sum over the set, a network per set regresses ΔC9."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from hepsets.core.event_frame import EventFrame
from hepsets.generate.kstmumu.density import VARIABLES
from hepsets.learn.data_sets.estimator import EstimatorRecipe, member_sums
from hepsets.learn.data_sets.published_fit import PublishedFit
from hepsets.learn.data_sets.regression import (
    Residuals,
    Scale,
    SetRegression,
    SetSampling,
    sample_sets,
    truths,
)
from hepsets.learn.seeded import seeded
from hepsets.learn.training.examples import Numbered
from hepsets.learn.training.fit import FitResult, Progress, fit
from hepsets.learn.training.task import Numbers
from hepsets.represent.data_sets.pools import EventSets, bootstrapped_sets, variable_matrix
from hepsets.represent.scaler import Scaler

SETS_FOR_SCALES = 200
"""The most training sets that the scale of their sums is taken from."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class EventDeepSetsConfig:
    """Network and training; as published by default, 50 sets per ΔC9 in batches of 128.

    Parameters
    ----------
    event_widths
        Widths of the layers per event. The last one is linear: it is what is summed. Published are
        eight layers from 32 to 128; how they widen is a choice, as is how those per set narrow.
    set_widths
        Widths of the hidden layers per set; one output follows.
    pooling
        ``"sum"``, so that a network serves sets of the size that it was trained with; or ``"mean"``,
        which knows nothing of the size and serves any.
    sampling
        The sets.
    fit
        The training. Its batch counts sets.
    """

    event_widths: tuple[int, ...] = Field(default=(32, 32, 32, 64, 64, 64, 128, 128), min_length=1)
    set_widths: tuple[int, ...] = (128, 128, 64, 64, 32, 32, 16)
    pooling: Literal["sum", "mean"] = "sum"
    sampling: SetSampling = SetSampling()
    fit: PublishedFit = PublishedFit(batch=128)

    @classmethod
    def at_scale(cls, scale: Scale, events: int) -> Self:
        """For sets of so many signal events: as published at ``"full"``, smaller at the other scales.

        A set of 8 000 events costs a core 70 ms and more through the published network, and a training
        shows it 176 000 of them. ``"standard"`` halves all widths, shows twice 5 280 sets of 2 000
        events, at a rate that falls from five times the published one, and pools by the mean: trained
        once, it serves sets of any size, whatever ``events`` is.
        """
        if scale == "full":
            return cls(sampling=SetSampling(events=events))
        few = scale == "quick"
        return cls(
            event_widths=(16, 16, 16, 32, 32, 32, 64, 64),
            set_widths=(64, 64, 32, 32, 16, 16, 8),
            pooling="mean",
            sampling=SetSampling(
                events=500 if few else 2000, sets=12 if few else 120, validation_sets=2 if few else 8
            ),
            fit=PublishedFit(epochs=2, batch=32, learning_rate=2e-3, schedule="cosine"),
        )


class SetBatch(NamedTuple):
    """Some sets, their events end to end.

    Parameters
    ----------
    features
        Float32, shape ``(n_events, 4)``, in physical units.
    sizes
        Events of each set.
    """

    features: Tensor
    sizes: list[int]


class DeepSetsNetwork(nn.Module):
    r"""Deep Sets (Zaheer et al., arXiv:1703.06114): :math:`\rho(\frac{1}{N} \sum_i \phi(x_i))`.

    N is the size of the sets in training, a constant, which makes a sum in units that keep numbers near
    one; or the size of each set, which makes a mean.

    Parameters
    ----------
    event_widths, set_widths
        See :class:`EventDeepSetsConfig`.
    typical
        N, ``None`` for the size of each set.
    """

    def __init__(self, event_widths: Sequence[int], set_widths: Sequence[int], typical: float | None) -> None:
        super().__init__()
        self.scaler = Scaler(len(VARIABLES))
        self.per_event = layers(len(VARIABLES), event_widths)
        self.set_scaler = Scaler(event_widths[-1])
        self.per_set = layers(event_widths[-1], [*set_widths, 1])
        self.typical = typical

    def forward(self, batch: SetBatch) -> Tensor:
        """ΔC9 of each set, ``(n_sets,)``."""
        return self.of_pooled(self.pooled(batch))

    def pooled(self, batch: SetBatch) -> Tensor:
        """Sum or mean over each set of the network per event, ``(n_sets, width)``."""
        events = self.per_event(self.scaler(batch.features))
        sums = torch.stack([one.sum(0) for one in torch.split(events, batch.sizes)])
        return self.in_units(sums, torch.tensor(batch.sizes, device=sums.device))

    def in_units(self, sums: Tensor, sizes: Tensor) -> Tensor:
        """Sums over so many events, ``(n_sets, width)``, divided by N."""
        return sums / (self.typical or sizes.clamp(min=1)[:, None])

    def of_pooled(self, pooled: Tensor) -> Tensor:
        """ΔC9 ``(n_sets,)`` from what :meth:`pooled` gives."""
        result: Tensor = self.per_set(self.set_scaler(pooled)).squeeze(1)
        return result

    def fit_scales(self, features: Tensor, some: SetBatch) -> None:
        """Take the scales of events from training events, then those of sums from some training sets.

        Sums over thousands of events differ by percents between values of ΔC9. In their own units
        the network per set sees that from its first step; its first layer could have learnt the same.
        ``features`` has shape ``(n_events, n_features)``.
        """
        self.scaler.fit(features)
        with torch.no_grad():
            self.set_scaler.fit(self.pooled(some))


def layers(n_in: int, widths: Sequence[int]) -> nn.Sequential:
    """Linear layers with ReLU between them, whose signals neither grow nor fade (arXiv:1502.01852)."""
    stages: list[nn.Module] = []
    for width in widths:
        linear = nn.Linear(n_in, width)
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
        nn.init.zeros_(linear.bias)
        stages += [linear, nn.ReLU()]
        n_in = width
    return nn.Sequential(*stages[:-1])


class EventDeepSets(SetRegression):
    """The Deep Sets model; make it with :func:`fit_event_deep_sets` or :func:`hepsets.learn.files.load`.

    Parameters
    ----------
    config
        Its configuration.
    typical
        Events per set in training, background included; not used with pooling ``"mean"``.
    residuals
        Of the validation sets.
    """

    name = "deep_sets"
    network: DeepSetsNetwork

    def __init__(
        self, config: EventDeepSetsConfig, typical: float, residuals: Residuals | None = None
    ) -> None:
        with seeded(config.fit.seed):
            network = DeepSetsNetwork(
                config.event_widths, config.set_widths, typical if config.pooling == "sum" else None
            )
        super().__init__(network.eval(), residuals)
        self.config = config
        self.typical = typical

    def outputs(self, sets: EventSets) -> NDArray[np.float64]:
        """What the network says of each set, shape ``(n_sets,)``."""
        network = self.network

        def per_event(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
            found: NDArray[np.float32] = network.per_event(network.scaler(torch.from_numpy(matrix))).numpy()
            return found

        with torch.inference_mode():
            sums = member_sums(sets, per_event, self.config.event_widths[-1])
            sizes = torch.from_numpy(np.diff(sets.offsets))
            found = network.of_pooled(network.in_units(torch.from_numpy(sums), sizes).float())
        return np.asarray(found.double().numpy())

    def record(self) -> dict[str, Any]:
        """Name, options and size of the sets in training."""
        return {"name": self.name, "config": dataclasses.asdict(self.config), "typical": self.typical}

    def tensors(self) -> dict[str, Tensor]:
        """Weights and residuals, see :meth:`hepsets.learn.registry.Model.tensors`."""
        assert self.residuals is not None
        return {**self.network.state_dict(), **self.residuals.tensors()}

    @classmethod
    def of_record(
        cls, config: Any, record: Mapping[str, Any], tensors: dict[str, Tensor], **given: Any
    ) -> Self:
        """The model of a file, see :meth:`hepsets.learn.data_sets.estimator.NetworkEstimator.of_record`."""
        model = cls(config, float(record["typical"]), Residuals.from_tensors(tensors), **given)
        model.network.load_state_dict(tensors)
        return model


class _SetData(Numbered):
    """Sets as rows of one table of events."""

    def __init__(self, events: Tensor, sets: EventSets) -> None:
        self.events, self.sets = events, sets

    def __len__(self) -> int:
        return len(self.sets)

    def to(self, device: torch.device | str) -> _SetData:
        return _SetData(self.events.to(device), self.sets)

    def batch(self, numbers: Tensor) -> SetBatch:
        chosen = self.sets[numbers.cpu().numpy()]
        features = self.events.index_select(0, torch.from_numpy(chosen.members).to(self.events.device))
        return SetBatch(features, np.diff(chosen.offsets).tolist())

    def select(self, events: Tensor) -> _SetData:
        return _SetData(self.events, self.sets[events.numpy()])

    def tensors(self) -> tuple[Tensor, ...]:
        return self.events, torch.from_numpy(self.sets.members), torch.from_numpy(self.sets.offsets)


def fit_event_deep_sets(
    frame: EventFrame, config: EventDeepSetsConfig | None = None, *, progress: Progress | None = None
) -> tuple[EventDeepSets, FitResult]:
    """Train the Deep Sets model.

    Parameters
    ----------
    frame
        Events of several ΔC9 with the four variables and ``delta_c9``; ``is_signal`` where there is
        background. A part of them becomes the validation events.
    config
        As published by default.
    progress
        Told about each step.

    Raises
    ------
    InputError
        If the events do not fit, or training fails.
    """
    config = config or EventDeepSetsConfig()
    sets = sample_sets(frame, config.sampling)
    training = torch.from_numpy(variable_matrix(sets.training.frame))
    model = EventDeepSets(config, float(np.diff(sets.training.offsets).mean()))
    examples = _SetData(training, sets.training)
    step = -(-len(examples) // SETS_FOR_SCALES)
    model.network.fit_scales(training, examples.batch(torch.arange(0, len(examples), step)))
    held = _SetData(torch.from_numpy(variable_matrix(sets.validation.frame)), sets.validation)
    result = fit(
        model.network,
        examples,
        truths(sets.training),
        config=config.fit,
        task=Numbers(),
        validation=(held, truths(sets.validation)),
        progress=progress,
    )
    model.network.cpu()
    judged = [sets.validation]
    if config.pooling == "mean":  # what serves any size is judged at two
        drawn = config.sampling
        judged.append(
            bootstrapped_sets(
                sets.validation.frame,
                4 * drawn.events,
                drawn.validation_sets,
                drawn.seed + 3,
                background=drawn.background,
            )
        )
    model.residuals = Residuals.of(*((one, model.outputs(one)) for one in judged))
    return model, result


RECIPES = (EstimatorRecipe(name="deep_sets", config=EventDeepSetsConfig(), estimator=EventDeepSets),)

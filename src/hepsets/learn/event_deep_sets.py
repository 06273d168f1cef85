"""Deep Sets on decays: a network per event, the sum over the set, a network per set regresses ΔC9."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from hepsets.core.event_frame import EventFrame
from hepsets.generate.kstmumu import VARIABLES
from hepsets.learn.network_fit import NetworkFit, NetworkFitConfig, Progress, fit_network
from hepsets.learn.set_estimator import FORMAT, member_sums
from hepsets.learn.set_regression import Residuals, SetRegression, SetSampling, sample_sets, squared_error
from hepsets.learn.tensor_file import damaged, read_tensors, write_tensors
from hepsets.represent.event_sets import EventSets, variable_matrix
from hepsets.represent.scaler import Scaler

PIECE_EVENTS = 4096
"""Events that a CPU takes through the network per event at once: what it then holds fits its cache."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class EventDeepSetsConfig:
    """Network and training; as published by default.

    Parameters
    ----------
    event_widths
        Widths of the layers per event. The last one is linear: it is what is summed.
    set_widths
        Widths of the hidden layers per set; one output follows.
    sampling
        The sets.
    fit
        The training. Its batch counts sets.
    """

    event_widths: tuple[int, ...] = Field(default=(32, 32, 32, 64, 64, 64, 128, 128), min_length=1)
    set_widths: tuple[int, ...] = (128, 128, 64, 64, 32, 32, 16)
    sampling: SetSampling = SetSampling()
    fit: NetworkFitConfig = NetworkFitConfig(batch=128)


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

    N is the size of the sets in training, a constant: it is a sum in units that keep numbers near one.

    Parameters
    ----------
    event_widths, set_widths
        See :class:`EventDeepSetsConfig`.
    typical
        N.
    """

    def __init__(self, event_widths: Sequence[int], set_widths: Sequence[int], typical: float) -> None:
        super().__init__()
        self.scaler = Scaler(len(VARIABLES))
        self.per_event = layers(len(VARIABLES), event_widths)
        self.per_set = layers(event_widths[-1], [*set_widths, 1])
        self.typical = typical

    def forward(self, batch: SetBatch) -> Tensor:
        """ΔC9 of each set, ``(n_sets,)``."""
        scaled = self.scaler(batch.features)
        if scaled.is_cuda:
            sums = torch.stack([part.sum(0) for part in torch.split(self.per_event(scaled), batch.sizes)])
        else:
            sums = torch.stack([self._sum(part) for part in torch.split(scaled, batch.sizes)])
        return self.of_sums(sums)

    def of_sums(self, sums: Tensor) -> Tensor:
        """ΔC9 ``(n_sets,)`` from sums of the network per event, ``(n_sets, width)``."""
        result: Tensor = self.per_set(sums / self.typical).squeeze(1)
        return result

    def _sum(self, events: Tensor) -> Tensor:
        # forgets what lies between and finds it again when the gradient comes: faster than memory is
        def piece(x: Tensor) -> Tensor:
            result: Tensor = self.per_event(x).sum(0)
            return result

        sums = [
            checkpoint(piece, x, use_reentrant=False, preserve_rng_state=False)
            for x in torch.split(events, PIECE_EVENTS)
        ]
        return torch.stack(sums).sum(0)


def layers(n_in: int, widths: Sequence[int]) -> nn.Sequential:
    """Linear layers with ReLU between them."""
    stages: list[nn.Module] = []
    for width in widths:
        stages += [nn.Linear(n_in, width), nn.ReLU()]
        n_in = width
    return nn.Sequential(*stages[:-1])


class EventDeepSets(SetRegression):
    """The Deep Sets model; make it with :func:`fit_event_deep_sets` or :meth:`load`.

    Parameters
    ----------
    config
        Its configuration.
    typical
        Events per set in training, background included.
    residuals
        Of the validation sets.
    """

    name = "deep_sets"
    network: DeepSetsNetwork

    def __init__(
        self, config: EventDeepSetsConfig, typical: float, residuals: Residuals | None = None
    ) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.fit.seed)
            network = DeepSetsNetwork(config.event_widths, config.set_widths, typical)
        super().__init__(network.eval(), residuals)
        self.config = config

    def outputs(self, sets: EventSets) -> NDArray[np.float64]:
        """What the network says of each set, shape ``(n_sets,)``."""
        network = self.network

        def per_event(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
            found: NDArray[np.float32] = network.per_event(network.scaler(torch.from_numpy(matrix))).numpy()
            return found

        with torch.inference_mode():
            sums = member_sums(sets, per_event, self.config.event_widths[-1])
            found: NDArray[np.float64] = network.of_sums(torch.from_numpy(sums).float()).double().numpy()
        return found

    def save(self, path: str | Path) -> None:
        """Write the model to one safetensors file, whole or not at all. Nothing in it is code."""
        assert self.residuals is not None
        header = {
            "format": FORMAT,
            "name": self.name,
            "config": dataclasses.asdict(self.config),
            "typical": self.network.typical,
        }
        write_tensors(path, header, {**self.network.state_dict(), **self.residuals.tensors()})

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what :meth:`save` wrote. Reading never executes code from the file.

        Raises
        ------
        InputError
            If the file is missing, broken, or holds something else.
        """
        record, tensors = read_tensors(path, FORMAT)
        try:
            config = TypeAdapter(EventDeepSetsConfig).validate_python(record["config"])
            model = cls(config, float(record["typical"]), Residuals.from_tensors(tensors))
            model.network.load_state_dict(tensors)
        except (ValidationError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise damaged(path, error) from error
        return model


class _SetExamples:
    """Sets as rows of one table of events."""

    def __init__(self, events: Tensor, sets: EventSets) -> None:
        self.events, self.sets = events, sets

    def __len__(self) -> int:
        return len(self.sets)

    def to(self, device: torch.device | str) -> _SetExamples:
        return _SetExamples(self.events.to(device), self.sets)

    def batch(self, numbers: Tensor) -> tuple[SetBatch, Tensor]:
        chosen = self.sets[numbers.cpu().numpy()]
        device = self.events.device
        features = self.events.index_select(0, torch.from_numpy(chosen.members).to(device))
        targets = torch.from_numpy(chosen.delta_c9).float().to(device)
        return SetBatch(features, np.diff(chosen.offsets).tolist()), targets


def fit_event_deep_sets(
    frame: EventFrame, config: EventDeepSetsConfig | None = None, *, progress: Progress | None = None
) -> tuple[EventDeepSets, NetworkFit]:
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
    model.network.scaler.fit(training)
    fit = fit_network(
        model.network,
        _SetExamples(training, sets.training),
        _SetExamples(torch.from_numpy(variable_matrix(sets.validation.frame)), sets.validation),
        squared_error,
        config.fit,
        progress=progress,
    )
    model.residuals = Residuals.of(sets.validation.delta_c9, model.outputs(sets.validation))
    return model, fit

"""The arm to beat: the sample of an event, its decay class and the skims that keep it are told."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from hepsets.learn.layers.set_encoder import Encoded
from hepsets.select.variables.decay_class import N_CLASSES


class Supervised(nn.Module):
    """Cross entropies of sample, decay class and skims, from what was seen and from what was generated.

    Parameters
    ----------
    units
        Width of the encoder's vectors.
    samples, skims
        How many of either.
    """

    def __init__(self, units: int, samples: int, skims: int) -> None:
        super().__init__()
        self.samples = samples
        self.heads = nn.ModuleList(nn.Linear(units, samples + N_CLASSES + skims) for _ in range(2))

    def forward(self, seen: Encoded, tree: Encoded, labels: Tensor) -> Tensor:
        """The mean over both of the sum of the losses, for labels ``(n_events, 2 + n_skims)``."""
        losses = []
        for head, encoded in zip(self.heads, (seen, tree), strict=True):
            logits = head(torch.relu(encoded.events))
            last = self.samples + N_CLASSES
            loss = functional.cross_entropy(logits[:, : self.samples], labels[:, 0])
            loss = loss + functional.cross_entropy(logits[:, self.samples : last], labels[:, 1])
            if labels.shape[1] > 2:
                skims = labels[:, 2:].to(logits.dtype)
                loss = loss + functional.binary_cross_entropy_with_logits(logits[:, last:], skims)
            losses.append(loss)
        return torch.stack(losses).mean()

"""Flavour tagging in numbers: how often a tag is there, how often it is wrong, each with its own mistag."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass as checked_dataclass

_OWN = 0x7A66
"""Keeps these random numbers apart from others of the same seed."""


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class TaggingConfig:
    """How well the produced flavour of a b hadron is known from the rest of its event.

    The dilution 1 - 2ω of a tag with mistag probability ω follows a beta distribution. The defaults give a
    tagging power ε⟨(1 - 2ω)²⟩ of 6 %, about that of both sides together in LHCb's Δm_s (arXiv:2104.04421).

    Parameters
    ----------
    efficiency
        Share of candidates with a tag.
    dilution, dilution_spread
        Mean and standard deviation of 1 - 2ω; a spread of 0 gives all tags the same mistag.

    Raises
    ------
    ValidationError
        For a spread that no distribution between 0 and 1 with this mean has.
    """

    efficiency: float = Field(default=0.80, ge=0, le=1)
    dilution: float = Field(default=0.25, gt=0, le=1)
    dilution_spread: float = Field(default=0.12, ge=0)

    @model_validator(mode="after")
    def _possible(self) -> TaggingConfig:
        if self.dilution_spread and self.dilution_spread**2 >= self.dilution * (1 - self.dilution):
            raise ValueError(
                f"dilution_spread = {self.dilution_spread} is too wide for a mean of {self.dilution}"
            )
        return self

    @property
    def power(self) -> float:
        """ε⟨(1 - 2ω)²⟩: so many perfect tags are worth as much as the tags of one candidate."""
        return self.efficiency * (self.dilution**2 + self.dilution_spread**2)


@dataclass(frozen=True, eq=False)
class FlavourTags:
    """Tags of candidates.

    Parameters
    ----------
    decision
        Flavour as produced, as the tag has it: 1, -1, or 0 for none; int8 of shape ``(n_candidates,)``.
    mistag
        Probability that it is wrong, 0.5 without a tag, shape ``(n_candidates,)``.
    """

    decision: NDArray[np.int8]
    mistag: NDArray[np.float64]

    @property
    def power(self) -> float:
        """Tagging power of these tags, Σ (1 - 2ω)²/n; 0 of no candidates."""
        return float(((1 - 2 * self.mistag) ** 2).mean()) if len(self.mistag) else 0.0


def draw_tags(
    flavour_produced: NDArray[np.integer], config: TaggingConfig | None = None, *, seed: int
) -> FlavourTags:
    """Tags drawn from the true flavours; the mistag that a tag claims is the one that it has.

    Parameters
    ----------
    flavour_produced
        1 or -1, or 0 for what has none, whose tags are as often either; shape ``(n_candidates,)``.
    config
        How good tags are; LHCb's by default.
    seed
        Of the random numbers.
    """
    config = config or TaggingConfig()
    n = len(flavour_produced)
    rng = np.random.default_rng([seed, _OWN])
    mean, spread = config.dilution, config.dilution_spread
    dilution = np.full(n, mean)
    if spread:
        total = mean * (1 - mean) / spread**2 - 1
        dilution = rng.beta(mean * total, (1 - mean) * total, n)
    mistag = (1 - dilution) / 2
    coin = np.where(rng.random(n) < 0.5, 1, -1)
    true = np.where(np.asarray(flavour_produced) == 0, coin, np.sign(flavour_produced))
    said = np.where(rng.random(n) < mistag, -true, true)
    tagged = rng.random(n) < config.efficiency
    return FlavourTags(np.where(tagged, said, 0).astype(np.int8), np.where(tagged, mistag, 0.5))

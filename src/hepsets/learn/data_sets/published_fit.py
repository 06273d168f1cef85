"""How networks on decays are trained: as the published study of ΔC9 has it, unless told otherwise."""

from __future__ import annotations

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.schedule import Schedule


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class PublishedFit(FitConfig):
    """Options as :class:`~hepsets.learn.training.config.FitConfig` with the defaults of that study.

    They are those of its code (https://github.com/ethanlee20/btokstll): 80 epochs at 4·10⁻⁴, less by a tenth
    on every plateau.
    """

    epochs: int = Field(default=80, ge=1)
    batch: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=4e-4, gt=0.0)
    schedule: Schedule = "plateau"

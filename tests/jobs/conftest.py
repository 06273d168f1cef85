"""What the jobs of users share: a shell with hepsets from a wheel, and the events of a small production."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers.fresh_environment import Environment, FreshEnvironments

EVERYTHING = "train,generate"
"""The extras of those who generate and train."""

PYTHON = os.environ.get("JOBS_PYTHON") or sys.executable
"""Which Python users have."""

EVENTS = 6000
"""How many the small production generates."""


@dataclass(frozen=True)
class User:
    """Somebody at a shell in a folder of their own."""

    environment: Environment
    folder: Path

    def types(self, line: str) -> str:
        """What a line that ends well says, on both streams."""
        done = self.environment.run(line, self.folder)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture
def with_everything(fresh: FreshEnvironments) -> Callable[[Path], User]:
    """A user who installed networks and the generator, in this folder."""
    return lambda folder: User(fresh.get(EVERYTHING, python=PYTHON), folder)


@pytest.fixture
def with_the_base(fresh: FreshEnvironments) -> Callable[..., User]:
    """A user who installed hepsets and nothing else, as a production's machines have it, in this folder."""
    return lambda folder, python=PYTHON: User(fresh.get(python=python), folder)


@pytest.fixture
def production(fresh: FreshEnvironments) -> Path:
    """A folder with ``x.hepmc`` and, of the same events, ``labelled.parquet`` with the skim's labels."""

    def make(folder: Path) -> None:
        user = User(fresh.get(EVERYTHING, python=PYTHON), folder)
        user.types(f"hepsets generate mixed --events {EVENTS} --seed 7 --out x.hepmc")
        user.types(f"hepsets generate mixed --events {EVENTS} --seed 7 --out x.parquet")
        user.types("hepsets simulate x.parquet --skim hadronic_b0 --out labelled.parquet")

    return fresh.once("production", make)

"""Inference of ΔC9 from a user's events, with the models of a finished run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked

from hepsets.core.run import versions
from hepsets.deploy.delta_c9 import Provenance, models_of, models_that_fit, read_events
from hepsets.deploy.delta_c9_range import choose_for_range, range_of
from hepsets.deploy.delta_c9_shipped import run_folder
from hepsets.evaluate.estimates.summary import Inference
from hepsets.report.pages.inference import write_inference_page


@checked(frozen=True, config=ConfigDict(extra="forbid"))
class InferConfig:
    """Which of the run's models to take, and the q² of the events.

    Parameters
    ----------
    level
        ``generator``, ``detector`` or ``background``; by default by the columns.
    window
        Of q² [GeV²], such as ``0-20``; by default the narrowest that holds all events.
    q_squared
        ``LOW-HIGH`` [GeV²]: the events are cut to this part of the window.
    """

    level: str | None = None
    window: str | None = None
    q_squared: str | None = None


@dataclass(frozen=True)
class Inferred:
    """What the events say, and where they and the model come from."""

    inference: Inference
    events: Path
    model: Path
    made: Provenance

    @property
    def unlike(self) -> bool:
        """Whether the events do not look like those the model was made for."""
        return self.inference.verdict.answer == "no"

    def lines(self) -> list[str]:
        """For people."""
        return list(self.inference.lines())

    def record(self) -> dict[str, Any]:
        """For a JSON file."""
        return self.inference.record() | {
            "model": {"path": str(self.model), "version": self.made.version, "seed": self.made.seed},
            "file": str(self.events),
            "versions": versions(),
        }

    def write_curve(self, path: Path) -> None:
        """Write the likelihood curve to a CSV file."""
        self.inference.write_curve(path)

    def write_page(self, path: Path) -> None:
        """Write an HTML page."""
        facts = {
            "events": str(self.events),
            "model": str(self.model),
            "trained with": f"hepsets {self.made.version}, seed {self.made.seed}",
            "finished": f"{datetime.now():%Y-%m-%d %H:%M}",
        }
        write_inference_page(path, self.inference, facts)


def infer(
    events: Path,
    model: Path,
    config: InferConfig,
    *,
    columns: Mapping[str, str],
    trust_pickle: bool = False,
) -> Inferred:
    """Read events and say which ΔC9 made them, and whether they look like the model's at all.

    Parameters
    ----------
    events
        ROOT, parquet, CSV with a header, or a pickle.
    model
        Folder of a finished run, or of one of its models, or ``shipped``.
    config
        Which of its models.
    columns
        What the file calls a column, by our name of it.
    trust_pickle
        Read a pickle, which may run any code.

    Raises
    ------
    InputError
        If there is no such model, or events or columns cannot be used.
    """
    limits = None if config.q_squared is None else range_of(config.q_squared)
    run = run_folder(model)
    models = models_of(run, config.level, config.window)
    frame = read_events(events, models.values(), columns, trust_pickle=trust_pickle)
    chosen, notes = choose_for_range(models, frame, limits)
    inference = chosen.infer(frame)
    unlike = inference.verdict.answer == "no" and limits is None
    fitting = models_that_fit(models_of(run), chosen, frame) if unlike else ()
    inference = dataclasses.replace(inference, warnings=(*notes, *fitting, *inference.warnings))
    return Inferred(inference, events, model, chosen.provenance)

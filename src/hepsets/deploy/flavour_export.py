"""From the folder of a run to a flavour tagger in one ONNX file, compared with PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.vertexed_events import VertexedEvents, iter_vertexed_events
from hepsets.core.whole_file import whole_file
from hepsets.deploy.onnx.jets import OnnxJetTagger, export_jet_tagger, preprocessing_file
from hepsets.deploy.onnx.vertexed_events import OnnxVertexedModel, export_vertexed_onnx
from hepsets.learn.training.score import score_heads
from hepsets.learn.vertexed_events.model import VertexedModel
from hepsets.represent.vertexed_events.data import VertexedData
from hepsets.represent.vertexed_events.hemispheres import hemispheres

COMPARED_EVENTS = 1000
"""Events on which the exported graph is compared with the model."""

PARITY = 1e-5
"""Greatest difference of a probability."""

_SEED = 17


def export_tagger(model: VertexedModel, out: Path, data: Path | None = None) -> tuple[int, float]:
    """Write a tagger as one ONNX file, which appears only if it gives the model's probabilities.

    Beside a tagger of jets' constituents stands the JSON file of
    :func:`hepsets.deploy.onnx.jets.preprocessing_file`, with which FCCAnalyses loads it.

    Parameters
    ----------
    model
        A trained tagger of events or hemispheres.
    out
        ONNX file to write.
    data
        Events to compare on, parquet of :func:`hepsets.core.vertexed_events.write_vertexed_events`;
        generated ones of all flavours by default.

    Returns
    -------
    tuple
        How many events were compared, besides edge cases, and the greatest difference of probabilities.

    Raises
    ------
    InputError
        If probabilities differ by more than :data:`PARITY`.
    """
    events = _generated() if data is None else next(iter_vertexed_events(data))[:COMPARED_EVENTS]
    if model.config.level == "hemisphere":
        events = hemispheres(events)
    with ExitStack() as files:
        partial = files.enter_context(whole_file(out))
        if model.config.style == "constituents":
            preprocessing = files.enter_context(whole_file(preprocessing_file(out)))
            scores = _jet_tagger(model, partial, preprocessing)
        else:
            export_vertexed_onnx(model, partial)
            scores = OnnxVertexedModel(partial).score
        worst = 0.0
        for part in (events, *edge_cases(events)):
            difference = np.abs(scores(part) - score_heads(model, part))
            worst = max(worst, float(difference.max(initial=0.0)))
        if not worst <= PARITY:
            raise InputError(
                f"{model.name} differs from its ONNX graph by {worst:.2g} in its probabilities",
                f"at most {PARITY:g}", "report it, with the model and the events",
            )  # fmt: skip
    return len(events), worst


def _jet_tagger(
    model: VertexedModel, partial: Path, preprocessing: Path
) -> Callable[[VertexedEvents], NDArray[np.float32]]:
    """Write both files of a tagger of jets; what gives its scores."""
    export_jet_tagger(model, partial, preprocessing)
    tagger = OnnxJetTagger(partial, preprocessing)
    sort_by = model.network.sort_by
    return lambda jets: tagger.score(VertexedData.from_events(jets, model.spec).sorted_by(sort_by))


def edge_cases(events: VertexedEvents) -> list[VertexedEvents]:
    """What real events may be, each alone: one of them, no particle at all, and no vertex at all."""
    from hepsets.core.particle_sets import ParticleSets
    from hepsets.core.vertexed_events import NO_VERTEX

    one = events[:1]
    nothing = {name: column[:0] for name, column in one.vertices.particles.items()}
    no_vertices = ParticleSets(nothing, np.zeros(2, dtype=np.int64))
    no_particles = ParticleSets(
        {name: column[:0] for name, column in one.particles.particles.items()},
        np.zeros(2, dtype=np.int64),
        dict(one.columns),
    )
    alone = dict(one.particles.particles)
    alone["vertex"] = np.full_like(alone["vertex"], NO_VERTEX)
    unattached = ParticleSets(alone, one.particles.offsets, dict(one.columns))
    return [one, VertexedEvents(no_particles, no_vertices), VertexedEvents(unattached, no_vertices)]


def _generated() -> VertexedEvents:
    from hepsets.generate.z_pole import SAMPLES, generate_z_block
    from hepsets.select.vertices.event import vertexed
    from hepsets.simulate.idea import IDEA
    from hepsets.simulate.layered import see_z_events

    parts = []
    for sample in SAMPLES:
        events = generate_z_block(sample, _SEED, 0, COMPARED_EVENTS // len(SAMPLES))
        seen = see_z_events(events, seed=_SEED, event_numbers=np.arange(len(events)), detector=IDEA)
        parts.append(vertexed(seen, vertices="found"))
    return VertexedEvents.concatenate(parts)

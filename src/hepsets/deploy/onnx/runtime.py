"""An exported model on ONNX Runtime; needs neither torch nor onnx."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.events import PARTICLE_COLUMNS, Events
from hepsets.core.record import parse
from hepsets.deploy.onnx.check import check_self_contained
from hepsets.deploy.onnx.seal import check_seal

_INPUTS = ["particles", "pdg", "mothers", "offsets"]
_EVENT_TYPES = "event_types"
_EXPECTED = "a file that hepsets export wrote"

onnxruntime.disable_telemetry_events()  # some of its builds tell Microsoft of sessions


class OnnxModel:
    """An exported model on ONNX Runtime.

    Parameters
    ----------
    path
        A file that :func:`hepsets.deploy.onnx.decay_trees.export_onnx` wrote.
    threads
        Threads of one call; 0 leaves the choice to ONNX Runtime.

    Raises
    ------
    InputError
        If the file is no such model, or not self-contained.
    """

    def __init__(self, path: str | Path, *, threads: int = 0) -> None:
        self.path = Path(path)
        self._session, self.metadata = open_session(self.path, threads=threads)
        names = [entry.name for entry in self._session.get_inputs()]
        outputs = [entry.name for entry in self._session.get_outputs()]
        self.takes_event_types = names == [*_INPUTS, _EVENT_TYPES]
        if (names != _INPUTS and not self.takes_event_types) or outputs != ["score"]:
            raise InputError(f"{path} has inputs {names} and outputs {outputs}", _EXPECTED)
        try:
            self._columns = [str(name) for name in parse(self.metadata["particles"])]
        except (KeyError, ValueError, TypeError) as error:
            raise InputError(f"{path} does not name its particle columns", _EXPECTED) from error
        if not set(self._columns) <= set(PARTICLE_COLUMNS):
            raise InputError(f"{path} takes the particle columns {self._columns}", _EXPECTED)

    def score(self, events: Events, *, batch_events: int = 64) -> NDArray[np.float32]:
        """Probability of each event to pass, float32.

        Models that can be told the type of an event take it from the event column ``event_type``;
        without the column it is unknown.

        Returns
        -------
        ndarray
            Shape ``(n_events,)``, or ``(n_events, n_skims)`` for models of several skims.
        """
        offsets, mothers = events.offsets, events.mothers
        columns = [events.particles[name] for name in self._columns]
        types = events.columns.get("event_type", np.zeros(len(events), dtype=np.int64))
        parts = []
        for begin in range(0, len(events), batch_events):
            edges = offsets[begin : begin + batch_events + 1]
            own = slice(edges[0], edges[-1])
            particles = np.empty((edges[-1] - edges[0], len(columns)), dtype=np.float32)
            for place, column in enumerate(columns):
                particles[:, place] = column[own]
            inputs = {
                "particles": particles,
                "pdg": events.particles["pdg"][own].astype(np.int64),
                "mothers": mothers[own] - edges[0],
                "offsets": edges - edges[0],
            }
            if self.takes_event_types:
                inputs[_EVENT_TYPES] = types[begin : begin + batch_events].astype(np.int64)
            parts.append(self._run(inputs, len(edges) - 1))
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)

    def _run(self, inputs: Mapping[str, NDArray[Any]], n_events: int) -> NDArray[np.float32]:
        result = scores_of(self._session, inputs, self.path, _EXPECTED)
        if len(result) != n_events or result.dtype != np.float32:
            raise InputError(f"{self.path} gives scores of shape {result.shape}", _EXPECTED)
        return result


def open_session(path: Path, *, threads: int = 0) -> tuple[onnxruntime.InferenceSession, dict[str, str]]:
    """A file as a session of ONNX Runtime, with its metadata properties.

    Raises
    ------
    InputError
        If the file is no ONNX model, or not self-contained.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})", _EXPECTED) from error
    check_self_contained(content, str(path))
    check_seal(content, str(path))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # errors come as exceptions already
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        for entry in (*session.get_inputs(), *session.get_outputs()):
            str(entry.name)  # in a damaged file it need not be text
        metadata = dict(session.get_modelmeta().custom_metadata_map)
    except Exception as error:  # onnxruntime's own errors share no public base class
        raise InputError(
            f"{path} cannot be loaded by ONNX Runtime ({str(error).splitlines()[0]})", _EXPECTED
        ) from error
    return session, metadata


def scores_of(
    session: onnxruntime.InferenceSession, inputs: Mapping[str, NDArray[Any]], path: Path, expected: str
) -> NDArray[Any]:
    """What a session gives as ``score`` for arrays by the names of its inputs, of the shapes that they have.

    Raises
    ------
    InputError
        If it cannot; ``expected`` says what the file at ``path`` should have been.
    """
    try:
        (scores,) = session.run(["score"], dict(inputs))
    except Exception as error:  # onnxruntime's own errors share no public base class
        raise InputError(f"{path} cannot score events ({str(error).splitlines()[0]})", expected) from error
    return np.asarray(scores)


def scores_in_batches(
    session: onnxruntime.InferenceSession,
    batches: Iterable[Mapping[str, NDArray[Any]]],
    path: Path,
    expected: str,
    *,
    width: tuple[int, ...] = (),
) -> NDArray[np.float32]:
    """What a session gives for inputs one after the other, float32, shape ``(n, *width)``; ``n`` may be 0.

    Raises
    ------
    InputError
        As :func:`scores_of`.
    """
    parts = [scores_of(session, inputs, path, expected) for inputs in batches]
    return np.concatenate(parts, dtype=np.float32) if parts else np.empty((0, *width), dtype=np.float32)

"""Where the training events lie, and warnings for a user's events that lie elsewhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter, ValidationError

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.core.record import parse, sealed, unsealed
from hepsets.core.whole_file import whole_file
from hepsets.generate.kstmumu.density import VARIABLES

SCHEMA = "hepsets-event-domain-1"

RARE = 1e-5
"""Share of training events that may lie outside of a range at either end."""

TOLERATED = 1e-3
"""Share of a user's events outside of the range that needs no warning."""

LEAST_EVENTS = 1_000
"""Below that, a likelihood's interval need not hold the truth as often as it says."""


@dataclass(frozen=True)
class EventDomain:
    """Ranges of the training events.

    Parameters
    ----------
    ranges
        Least and greatest value of each column, a hundred-thousandth of the events at either end left out.
    gaps
        Open ranges of q² [GeV²] without training events: vetoes.
    delta_c9
        Least and greatest ΔC9 of training.
    set_events
        Least and greatest number of events of the sets that the estimator was judged on.
    """

    ranges: dict[str, tuple[float, float]]
    gaps: tuple[tuple[float, float], ...]
    delta_c9: tuple[float, float]
    set_events: tuple[int, int]

    @classmethod
    def of(
        cls,
        frame: EventFrame,
        gaps: Sequence[tuple[float, float]],
        set_events: tuple[int, int],
        columns: Sequence[str] = VARIABLES,
    ) -> EventDomain:
        """The domain of training events (column ``delta_c9`` among them)."""
        ranges = {}
        for name in columns:
            low, high = np.quantile(frame[name].astype(np.float64), [RARE, 1 - RARE])
            ranges[name] = (float(low), float(high))
        labels = frame["delta_c9"]
        return cls(
            ranges,
            tuple((float(low), float(high)) for low, high in gaps),
            (float(np.nanmin(labels)), float(np.nanmax(labels))),
            set_events,
        )

    def usable(self, frame: EventFrame) -> EventFrame:
        """The events that the training covers: finite, and within the q² of training, vetoes left out.

        Raises
        ------
        InputError
            If a column is missing, or no event is left.
        """
        missing = [name for name in self.ranges if name not in frame]
        if missing:
            raise InputError(
                f"events without {', '.join(missing)} (they have {', '.join(frame.columns)})",
                f"the columns {', '.join(self.ranges)}",
                "rename the columns, or take a run at generator level for true variables",
            )
        keep = np.ones(len(frame), dtype=bool)
        for name in self.ranges:
            keep &= np.isfinite(frame[name].astype(np.float64))
        q_squared = frame["q_squared"].astype(np.float64)
        low, high = self.ranges["q_squared"]
        margin = 0.01 * (high - low)
        keep &= (q_squared > low - margin) & (q_squared < high + margin)
        for begin, end in self.gaps:
            keep &= ~((q_squared > begin) & (q_squared < end))
        if not keep.any():
            raise InputError(
                f"{len(frame)} events, none of them where the model was trained",
                f"q² from {low:.3g} to {high:.3g} GeV²"
                + "".join(f", not within {a:g} to {b:g}" for a, b in self.gaps),
                "check the units (GeV²)",
            )
        result: EventFrame = frame[keep]
        return result

    def warnings(self, frame: EventFrame) -> tuple[str, ...]:
        """What about these events the training has not prepared the model for, in whole sentences."""
        found = []
        kept = self.usable(frame)
        lost = len(frame) - len(kept)
        if lost:
            found.append(
                f"{lost} of {len(frame)} events are left out: not finite, or in q² that the model was not "
                "trained on."
            )
        for name, (low, high) in self.ranges.items():
            values = kept[name].astype(np.float64)
            outside = float(((values < low) | (values > high)).mean())
            if outside > TOLERATED:
                found.append(
                    f"{100 * outside:.3g} % of the events have {name} outside of the training range "
                    f"{low:.4g} to {high:.4g}."
                )
        rows = np.stack([kept[name].astype(np.float64) for name in self.ranges], axis=1)
        repeated = len(rows) - len(np.unique(rows, axis=0))
        if repeated > TOLERATED * len(rows):
            found.append(
                f"{repeated} events repeat another one: intervals of a bootstrapped sample are too short."
            )
        if len(kept) < LEAST_EVENTS:
            found.append(f"{len(kept)} events are few: the interval is exact only for many.")
        least, most = self.set_events
        if len(kept) > 2 * most:
            found.append(
                f"{len(kept)} events are more than the model was judged with ({most}): its small errors, and "
                "the finite simulation behind it, may exceed the interval."
            )
        elif LEAST_EVENTS <= len(kept) < least / 2:
            found.append(f"{len(kept)} events are fewer than the model was judged with ({least}).")
        return tuple(found)

    def warnings_of_fit(self, value: float, low: float, high: float) -> tuple[str, ...]:
        """What about a fitted ΔC9 and its interval the training has not prepared the model for."""
        least, most = self.delta_c9
        if least <= low and high <= most:
            return ()
        what = "ΔC9" if not least <= value <= most else "The interval of ΔC9"
        return (f"{what} lies beyond the training range {least:g} to {most:g}.",)

    def write(self, path: str | Path) -> None:
        """Write as JSON, whole or not at all."""
        with whole_file(Path(path)) as partial:
            partial.write_text(json.dumps(sealed({"schema": SCHEMA, **asdict(self)})), encoding="utf-8")

    @classmethod
    def read(cls, path: str | Path) -> EventDomain:
        """Read what :meth:`write` wrote.

        Raises
        ------
        InputError
            If the file is missing or something else.
        """
        path = Path(path)
        if not path.is_file():
            raise InputError(f"no file {path}", "the domain of a model's training events")
        try:
            record = parse(path.read_text(encoding="utf-8"))
            if record["schema"] != SCHEMA:
                raise KeyError("schema")
            record = unsealed(record, path)
            del record["schema"]
            return TypeAdapter(EventDomain).validate_python(record)
        except InputError:
            raise
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError, ValidationError) as error:
            raise InputError(f"{path} is damaged ({error})", f"a file of schema {SCHEMA}") from error

"""Write files of B⁰ → K*⁰μ⁺μ⁻ decays of any size, a row group at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from hepsets.core.errors import InputError
from hepsets.core.event_frame import GROUP_ROWS, EventFrame
from hepsets.core.parquet import TableWriter
from hepsets.core.progress import progress_bar
from hepsets.core.run import versions
from hepsets.generate.kstmumu.density import TEST_VALUES, TRAIN_VALUES, Window
from hepsets.generate.kstmumu.sampler import sample_decays

SAMPLE = "kstmumu"
"""What the command calls these decays."""


def parse_values(texts: Sequence[str]) -> tuple[float, ...]:
    """ΔC9 from numbers, several with commas between them, and the words ``train`` and ``test``.

    Raises
    ------
    InputError
        For anything else.

    Examples
    --------
    >>> parse_values(["-0.8,0", "1"]), len(parse_values(["train"]))
    ((-0.8, 0.0, 1.0), 44)
    """
    values: list[float] = []
    for text in texts:
        for word in text.split(","):
            if word in ("train", "test"):
                values += TRAIN_VALUES if word == "train" else TEST_VALUES
                continue
            try:
                values.append(float(word))
            except ValueError as error:
                raise InputError(f"ΔC9 {word!r}", "a number, train or test") from error
    return tuple(values)


def write_decays(path: str | Path, values: Sequence[float], events: int, seed: int, window: Window) -> None:
    """Write so many decays at each ΔC9, one value after the other.

    The decays of value ``k`` have the numbers from ``k * events``, so all are independent.

    Parameters
    ----------
    path
        Parquet file; it appears whole or not at all.
    values
        ΔC9.
    events
        Decays for each of them.
    seed
        Of all of them.
    window
        Where q² may lie.

    Raises
    ------
    InputError
        For no values, and as :func:`~hepsets.generate.kstmumu.sampler.sample_decays`.
    """
    if not values:
        raise InputError("no ΔC9", "at least one value")
    provenance = {
        "hepsets.sample": SAMPLE,
        "hepsets.delta_c9": ", ".join(f"{value:g}" for value in values),
        "hepsets.window": str(window),
        "hepsets.seed": str(seed),
        "hepsets.version": versions()["hepsets"],
    }
    total = len(values) * events
    with (
        TableWriter(path, metadata=provenance, group_rows=GROUP_ROWS) as writer,
        progress_bar("generating", total) as advance,
    ):
        for part in _parts(values, events, seed, window):
            writer.write_table(part.to_arrow())
            advance(len(part))


def _parts(values: Sequence[float], events: int, seed: int, window: Window) -> Iterator[EventFrame]:
    for place, value in enumerate(values):
        for begin in range(0, events, GROUP_ROWS):
            count = min(GROUP_ROWS, events - begin)
            yield sample_decays(count, value, seed, window=window, first_event=place * events + begin)

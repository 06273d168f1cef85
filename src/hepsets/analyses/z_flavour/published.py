"""What other taggers at FCC-ee reach: digitised curves and quoted numbers, and what sets them apart.

None of these was measured on our events, so they are drawn beside our curves and never ranked with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedPoint:
    """Efficiency of a published tagger at a mis-identification, both shares."""

    flavour: str
    against: str
    mistag: float
    efficiency: float


@dataclass(frozen=True)
class PublishedTagger:
    """A published tagger.

    Parameters
    ----------
    name
        For legends.
    source
        Where it is from.
    caveats
        What differs from our events, in words.
    reading_error
        By how much the efficiencies were misread at most.
    points
        Its working points.
    """

    name: str
    source: str
    caveats: str
    reading_error: float
    points: tuple[PublishedPoint, ...]


def _points(rows: Mapping[tuple[str, str], Mapping[float, float]]) -> tuple[PublishedPoint, ...]:
    """From percent, by pair and mis-identification."""
    return tuple(
        PublishedPoint(flavour, against, mistag, percent / 100)
        for (flavour, against), row in rows.items()
        for mistag, percent in row.items()
    )


def _row(*percent: float) -> dict[float, float]:
    return dict(zip((0.001, 0.01, 0.1), percent, strict=True))


PARTICLE_TRANSFORMER = PublishedTagger(
    "Particle Transformer",
    "FCC note 4pcr6-r0d06, read from its vector figures",
    "jets of 60 GeV (ours: 45.6 GeV hemispheres or whole events); IDEA fast simulation; "
    "2 million jets per flavour in training, 40 times our standard run",
    0.001,
    _points(
        {
            ("b", "c"): _row(78.8, 90.2, 97.1),
            ("b", "ud"): _row(93.0, 98.0, 99.4),
            ("c", "b"): _row(36.5, 75.1, 99.0),
            ("c", "ud"): _row(76.9, 87.4, 94.3),
            ("s", "ud"): _row(5.7, 20.7, 58.2),
            ("s", "c"): _row(16.8, 47.8, 96.1),
        }
    ),
)
"""Particle Transformer for FCC-ee."""

WINTER_2023 = PublishedTagger(
    "winter-2023 tagger",
    "FCCAnalyses, the tagger of the winter-2023 campaign, read from its figures",
    "jets; IDEA fast simulation; 9 million jets in training; b and c are tagged against u, d and s together",
    0.003,
    _points(
        {
            ("b", "ud"): {0.001: 96.6},
            ("c", "ud"): _row(83.6, 90.1, 95.6),
            ("s", "ud"): _row(10.1, 29.1, 66.9),
        }
    ),
)
"""The tagger that analyses at FCC-ee use; its light jets hold strange ones for b and c."""

DEEP_JET_TRANSFORMER = PublishedTagger(
    "DeepJetTransformer",
    "arXiv:2406.08590",
    "jets; IDEA fast simulation; quoted, not digitised",
    0.005,
    _points({("s", "ud"): {0.1: 40.0}}),
)
"""DeepJetTransformer, which uses V0s and identified kaons."""

CLD_FULL = PublishedTagger(
    "CLD, full simulation",
    "FCC full simulation of CLD, read from its figures",
    "another detector, silicon only, without cluster counting; full simulation",
    0.003,
    _points({("b", "c"): _row(65.0, 79.0, 91.0), ("c", "b"): _row(23.0, 54.0, 91.0)}),
)
"""What full simulation and reconstruction leave."""

CLD_FAST = PublishedTagger(
    "CLD, fast simulation",
    "FCC fast simulation of CLD, read from its figures",
    "another detector, silicon only, without cluster counting",
    0.003,
    _points({("s", "ud"): {0.1: 31.5}}),
)
"""Strange tagging without cluster counting."""

PUBLISHED: tuple[PublishedTagger, ...] = (
    PARTICLE_TRANSFORMER,
    WINTER_2023,
    DEEP_JET_TRANSFORMER,
    CLD_FULL,
    CLD_FAST,
)
"""In the order of legends."""


@dataclass(frozen=True)
class PublishedAccuracy:
    """Accuracy for b, c and s on the files of the coursework, and its error if the test events are known."""

    who: str
    events: str
    accuracy: float
    accuracy_se: float | None


COURSEWORK: tuple[PublishedAccuracy, ...] = (
    PublishedAccuracy("fully connected network on averages", "50 000 in all", 0.664, None),
    PublishedAccuracy("GRU with attention", "50 000 in all", 0.694, None),
    PublishedAccuracy("DeepSets", "50 000 in all", 0.722, None),
    PublishedAccuracy("a third student's networks", "50 000 per class", 0.905, None),
    PublishedAccuracy("a third student's networks", "50 000 per class", 0.930, None),
    PublishedAccuracy("another student's transformer", "427 000 in all", 0.955, 0.0007),
)
"""On seeded vertices and true identification. The first three repeat event-wise columns along the sequence;
the last was judged on 91 532 events."""


def points_of(flavour: str, against: str) -> list[tuple[PublishedTagger, Sequence[PublishedPoint]]]:
    """Taggers that have points of a pair of flavours, with these."""
    found: list[tuple[PublishedTagger, Sequence[PublishedPoint]]] = []
    for tagger in PUBLISHED:
        points = [p for p in tagger.points if (p.flavour, p.against) == (flavour, against)]
        if points:
            found.append((tagger, points))
    return found

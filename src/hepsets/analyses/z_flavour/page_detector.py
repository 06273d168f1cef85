"""The report's section on other detectors: what first layer, cluster counting and timing decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from hepsets.analyses.z_flavour.config import Setting
from hepsets.analyses.z_flavour.detector_scan import POINTS, DetectorScan, SeenBy
from hepsets.analyses.z_flavour.figures.working_points import Scan, detector_scans
from hepsets.evaluate.scores.working_points import WorkingPoint
from hepsets.report.page import Column, Content, FigureFiles, Section, Table


@dataclass(frozen=True)
class Shown:
    """How a setting is shown.

    Parameters
    ----------
    name, unit, per_unit
        What it is called, its unit, and how many of them one of the setting's own is.
    points
        The working points that the figure shows: what the setting is there for.
    logarithmic
        Whether the axis of the figure is.
    """

    name: str
    unit: str
    per_unit: float
    points: tuple[tuple[str, str, float], ...]
    logarithmic: bool = False

    @property
    def label(self) -> str:
        """For axes."""
        return f"{self.name} [{self.unit}]"


_HEAVY, _STRANGE = POINTS[:2], POINTS[2:]

SHOWN: Mapping[Setting, Shown] = {
    "first_layer_radius": Shown("radius of the first layer", "mm", 10, _HEAVY),
    "first_layer_resolution": Shown("resolution of the first layer", "µm", 1e4, _HEAVY, logarithmic=True),
    "counting_efficiency": Shown("clusters that are counted", "%", 100, _STRANGE),
    "time_resolution": Shown("resolution of the time of flight", "ps", 1e3, _STRANGE, logarithmic=True),
}


def detector_section(scan: DetectorScan, figures: FigureFiles) -> Section:
    """Figure and table of all detectors."""
    return Section("What other detectors would give", tuple(_content(scan, figures)))


def points_text(points: tuple[WorkingPoint, ...]) -> tuple[str, ...]:
    """:data:`POINTS` in per cent, with the interval of each; empty where there were too few events."""
    found = {p.pair: p for p in points}
    return tuple(
        f"{100 * p.efficiency:.1f} ({100 * p.low:.1f} to {100 * p.high:.1f})" if p is not None else ""
        for p in map(found.get, POINTS)
    )


# -- inside ------------------------------------------------------------------------------------------


def _content(scan: DetectorScan, figures: FigureFiles) -> Iterator[Content]:
    train, held, test = scan.counts
    yield (
        "The same generated events were seen by each detector, one setting of which differs. "
        f"{scan.model} was trained anew on {train:,} hemispheres of each flavour ({held:,} to validate, "
        f"{test:,} to test), with seed {scan.seed}; and the tagger of the planned detector was applied to "
        "the events of the others as it was. Vertices are found, kinds of particles measured. Fewer events "
        "than in the comparisons above train these taggers, so it is the differences that count."
    )
    if scan.seen:
        yield figures(
            "detectors",
            detector_scans([_scan(scan, setting) for setting in _settings(scan)], level="hemisphere"),
            "Efficiencies with their 68 % intervals, from counting and from the threshold; grey marks the "
            "planned detector. Generated events and most random numbers are the same at all points, so "
            "differences are known better than the bars say; trainings add a scatter of their own.",
        )
    headings = [f"{a} at {100 * m:g} % {b}" for a, b, m in POINTS]
    yield Table(
        (Column("setting"), Column("value"), Column("trained on"), *map(Column, headings)),
        tuple(row for one in scan.seen for row in _rows(one)),
        "In per cent, with intervals of 68 %; the planned detector stands once for each setting.",
    )
    spread = _spread(scan)
    if spread:
        yield spread


def _settings(scan: DetectorScan) -> tuple[Setting, ...]:
    return tuple(dict.fromkeys(one.setting for one in scan.seen))


def _scan(scan: DetectorScan, setting: Setting) -> Scan:
    shown, seen = SHOWN[setting], [one for one in scan.seen if one.setting == setting]

    def wanted(points: tuple[WorkingPoint, ...]) -> list[WorkingPoint]:
        return [p for p in points if p.pair in shown.points]

    return Scan(
        shown.label,
        next(one.value for one in seen if one.planned) * shown.per_unit,
        [one.value * shown.per_unit for one in seen],
        [wanted(one.trained_anew) for one in seen],
        [wanted(one.of_planned) for one in seen],
        shown.logarithmic,
    )


def _rows(one: SeenBy) -> Iterator[tuple[str, ...]]:
    shown = SHOWN[one.setting]
    value = f"{one.value * shown.per_unit:g} {shown.unit}"
    if one.planned:
        yield (shown.name, value, "itself, planned", *points_text(one.trained_anew))
        return
    yield (shown.name, value, "itself", *points_text(one.trained_anew))
    yield (shown.name, value, "the planned one", *points_text(one.of_planned))


def _spread(scan: DetectorScan) -> str:
    """How far trainings of other seeds differ on the planned detector."""
    planned = next((one for one in scan.seen if one.planned), None)
    if planned is None or not scan.other_seeds:
        return ""
    told = []
    for wanted in POINTS:
        found = [
            p.efficiency
            for points in (planned.trained_anew, *(other.points for other in scan.other_seeds))
            for p in points
            if p.pair == wanted
        ]
        if len(found) > 1:
            told.append(f"{100 * float(np.std(found, ddof=1)):.1f} for {wanted[0]} against {wanted[1]}")
    if not told:
        return ""
    seeds = ", ".join(str(seed) for seed in (scan.seed, *(other.seed for other in scan.other_seeds)))
    return (
        f"Trainings on the planned detector with the seeds {seeds} scatter about their mean by "
        f"{', '.join(told)} (per cent, standard deviation): smaller differences of detectors mean nothing."
    )

"""Event tables as HepMC3 ASCII, the way HepMC3's WriterAscii lays them out, for tests."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from hepsets.core.events import PARTICLE_COLUMNS, Events
from hepsets.core.units import MM_PER_CM, SPEED_OF_LIGHT
from hepsets.formats.hepmc import HepmcBlock, read_hepmc
from hepsets.formats.hepmc_events import parse_hepmc

BEGIN = b"HepMC::Version 3.02.07\nHepMC::Asciiv3-START_EVENT_LISTING\n"
END = b"HepMC::Asciiv3-END_EVENT_LISTING\n\n"
FACTORS = {"GEV": 1.0, "MEV": 1e3, "MM": MM_PER_CM, "CM": 1.0}


def hepmc_text(
    events: Events,
    *,
    numbers: Sequence[int] | None = None,
    units: tuple[str, str] = ("GEV", "MM"),
    names: Sequence[str] = ("nominal",),
    beams: bool = True,
) -> bytes:
    """A listing of events; every decay is a vertex, with ``beams`` the roots come from e⁺e⁻."""
    header = BEGIN + (b"W " + r"\|".join(names).encode() + b"\n" if names else b"")
    header += b"T generator\\|1.0\\|a test\nA run_attribute 17\n"
    texts = [
        one_event(events[i : i + 1], i if numbers is None else numbers[i], units, max(len(names), 1), beams)
        for i in range(len(events))
    ]
    return header + b"".join(texts) + END


def one_event(event: Events, number: int, units: tuple[str, str], weights: int, beams: bool) -> bytes:
    """One event, from its E line to its last particle."""
    gev, length = FACTORS[units[0]], FACTORS[units[1]]
    column = event.particles
    n, mothers = event.n_particles, event.mothers
    shift = 2 if beams else 0
    lines: list[str] = []
    vertices = 0
    if beams:
        lines += ["P 1 0 11 0 0 7 7 5.1e-04 4", "P 2 0 -11 0 0 -4 4 5.1e-04 4"]
    vertex_of: dict[int, int] = {}
    for i in range(n):
        root = mothers[i] == i
        parent = 0
        if not root or beams:
            mother = -1 if root else int(mothers[i])
            if mother not in vertex_of:
                vertices += 1
                vertex_of[mother] = vertices
                incoming = "1,2" if mother < 0 else str(mother + 1 + shift)
                place = [f"{float(column[axis][i]) * length:.16e}" for axis in "xyz"]
                place.append(f"{float(column['prod_time'][i]) * SPEED_OF_LIGHT * length:.16e}")
                lines.append(f"V {-vertices} 0 [{incoming}] @ {' '.join(place)}")
            parent = -vertex_of[mother]
        momentum = " ".join(f"{float(column[name][i]) * gev:.16e}" for name in ("px", "py", "pz", "energy"))
        status = 2 if (mothers[np.arange(n) != i] == i).any() else 1
        lines.append(
            f"P {i + 1 + shift} {parent} {column['pdg'][i]} {momentum} 0.0000000000000000e+00 {status}"
        )
    weight_line = "W " + " ".join(f"{1 + 0.25 * i:.22e}" for i in range(weights))
    head = [f"E {number} {vertices} {n + shift}", f"U {units[0]} {units[1]}", weight_line]
    head.append("A 0 signal_process_id 221")
    return ("\n".join([*head, *lines]) + "\n").encode()


def parts(text: bytes):
    """The parts of a listing."""
    return list(read_hepmc(io.BytesIO(text), "text"))


def parsed(text: bytes) -> tuple[Events, np.ndarray]:
    """All events of a listing, and their numbers."""
    blocks = [parse_hepmc(part, "text") for part in parts(text) if isinstance(part, HepmcBlock)]
    return Events.concatenate([events for events, _ in blocks]), np.concatenate([n for _, n in blocks])


def record(*lines: str, particles: int, vertices: int, units: str = "U GEV MM") -> Events:
    """The tree of one event written by hand."""
    text = "\n".join([f"E 7 {vertices} {particles} @ 10 20 30 0", units, "W 1", *lines]) + "\n"
    events, numbers = parse_hepmc(HepmcBlock([text.encode()]), "text")
    assert numbers.tolist() == [7]
    return events


def assert_same(found: Events, expected: Events) -> None:
    """The same trees, to single precision."""
    assert np.array_equal(found.offsets, expected.offsets)
    for name in set(PARTICLE_COLUMNS) - {"index", "mother_index"}:
        np.testing.assert_allclose(found.particles[name], expected.particles[name], rtol=2e-7, err_msg=name)
    assert np.array_equal(found.mothers, expected.mothers)

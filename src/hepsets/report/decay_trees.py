"""Decay trees of single events as inline SVG, readable for some forty particles and more."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape, unescape

import numpy as np
from particle import InvalidParticle, Particle, ParticleNotFound, pdgid

from hepsets.core.errors import InputError
from hepsets.core.events import Events

ROW = 18.0
"""Height of a line [px]."""

COLUMN = 88.0
"""Width of a generation of the tree [px]."""

BAR = 90.0
"""Width of the largest momentum bar [px]."""

_NEUTRINOS = (12, 14, 16)


def decay_tree(events: Events, event: int) -> str:
    """Draw one event from left to right: mothers, daughters, and the momenta of final-state particles.

    Parameters
    ----------
    events
        The table.
    event
        Number of the event in it.

    Returns
    -------
    str
        An ``<svg>`` element; its classes are coloured by the page's style sheet.

    Raises
    ------
    InputError
        If there is no such event, or it is empty.
    """
    if not 0 <= event < len(events) or events.multiplicity[event] == 0:
        raise InputError(f"event {event} of {len(events)}", "the number of an event with particles")
    one = events[event : event + 1]
    mothers = one.mothers
    roots = [i for i in range(one.n_particles) if mothers[i] == i]
    daughters: dict[int, list[int]] = {i: [] for i in range(one.n_particles)}
    for i, mother in enumerate(mothers):
        if mother != i:
            daughters[int(mother)].append(i)
    row, depth = _layout(roots, daughters)

    momentum = np.sqrt(sum(one.particles[name].astype(np.float64) ** 2 for name in ("px", "py", "pz")))
    final = [i for i in row if not daughters[i]]
    largest = max(float(momentum[final].max()), 1e-9)
    pdg = [int(i) for i in one.particles["pdg"]]
    names = [_pieces(i) for i in pdg]
    starts = _columns(names, depth)
    bars = max(starts[depth[i]] + _width(names[i]) for i in final) + 16
    width, height = bars + BAR + 54, ROW * (max(row.values()) + 1) + 26

    def x(i: int) -> float:
        return starts[depth[i]]

    def y(i: int) -> float:
        return 24 + ROW * (row[i] + 0.5)

    lines, labels = [], []
    for i in row:
        kind = _kind(pdg[i], bool(daughters[i]))
        for daughter in daughters[i]:
            begin, end = x(i) + _width(names[i]) + 3, x(daughter) - 4
            bend = (begin + end) / 2
            missing = " t-neutrino" if abs(pdg[daughter]) in _NEUTRINOS else ""
            lines.append(
                f'<path class="t-edge{missing}" d="M{begin:.1f} {y(i):.1f}C{bend:.1f} {y(i):.1f} '
                f'{bend:.1f} {y(daughter):.1f} {end:.1f} {y(daughter):.1f}"/>'
            )
        labels.append(f'<text class="{kind}" x="{x(i):.1f}" y="{y(i) + 4:.1f}">{_markup(names[i])}</text>')
        if not daughters[i]:
            length = max(BAR * momentum[i] / largest, 0.5)
            begin, end = x(i) + _width(names[i]) + 4, bars + length + 5
            lines.append(f'<path class="t-leader" d="M{begin:.1f} {y(i):.1f}H{bars - 4:.1f}"/>')
            labels.append(
                f'<rect class="{kind}" x="{bars:.1f}" y="{y(i) - 4:.1f}" width="{length:.1f}" height="8"/>'
                f'<text class="t-number" x="{end:.1f}" y="{y(i) + 3.5:.1f}">{momentum[i]:.2f}</text>'
            )
    head = f'<text class="t-number" x="{bars:.1f}" y="14">momentum in the laboratory [GeV]</text>'
    width = max(width, bars + 200)
    label = f"Decay tree of an event with {one.n_particles} particles"
    return (
        f'<svg class="tree" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}">'
        f"{head}{''.join(lines)}{''.join(labels)}</svg>"
    )


def _layout(roots: list[int], daughters: dict[int, list[int]]) -> tuple[dict[int, float], dict[int, int]]:
    """Row and depth of each particle: leaves on successive rows, a mother midway between its daughters."""
    row: dict[int, float] = {}
    depth = dict.fromkeys(roots, 0)
    order, stack = [], roots[::-1]
    while stack:
        i = stack.pop()
        order.append(i)
        for daughter in reversed(daughters[i]):
            depth[daughter] = depth[i] + 1
            stack.append(daughter)
    leaves = 0
    for i in order:
        if not daughters[i]:
            row[i] = leaves
            leaves += 1
    for i in reversed(order):
        if daughters[i]:
            row[i] = (row[daughters[i][0]] + row[daughters[i][-1]]) / 2
    return row, depth


def _columns(names: list[list[tuple[str, str]]], depth: dict[int, int]) -> list[float]:
    """Where each generation begins: at least :data:`COLUMN` apart, wide enough for its names."""
    starts = [6.0]
    for level in range(max(depth.values())):
        widest = max(_width(names[i]) for i in depth if depth[i] == level)
        starts.append(starts[-1] + max(COLUMN, widest + 34))
    return starts


def _kind(pdg: int, decays: bool) -> str:
    if decays:
        return "t-decays"
    if abs(pdg) in _NEUTRINOS:
        return "t-neutrino"
    if pdg == 22:
        return "t-photon"
    return "t-charged" if pdgid.charge(pdg) else "t-neutral"


@lru_cache(maxsize=4096)
def _name(pdg: int) -> str:
    try:
        return str(Particle.from_pdgid(pdg).html_name)
    except (ParticleNotFound, InvalidParticle):
        return escape(str(pdg))


def _pieces(pdg: int) -> list[tuple[str, str]]:
    """The name cut into (text, "" or "SUP" or "SUB" or "MASS")."""
    pieces = []
    for tag, inner, plain in re.findall(r"<(SUP|SUB)>(.*?)</\1>|([^<]+)", _name(pdg)):
        if tag:
            pieces.append((unescape(inner).replace("-", "\u2212"), tag))
        else:
            for text in re.split(r"(\(\d{3,}\))", unescape(plain)):
                if text:
                    pieces.append((text, "MASS" if re.fullmatch(r"\(\d{3,}\)", text) else ""))
    return pieces


def _width(pieces: list[tuple[str, str]]) -> float:
    """Estimated width [px] at the style sheet's 13 px; combining bars take no room."""
    return sum((8.2 if kind == "" else 5.6) * len(text.replace("\u0305", "")) for text, kind in pieces)


def _markup(pieces: list[tuple[str, str]]) -> str:
    shift = {"": 0.0, "MASS": 0.0, "SUP": -4.5, "SUB": 3.0}
    spans, at = [], 0.0
    for text, kind in pieces:
        step = shift[kind] - at
        at = shift[kind]
        size = "" if kind == "" else ' font-size="9.5"'
        move = f' dy="{step:g}"' if step else ""
        spans.append(f"<tspan{move}{size}>{escape(text)}</tspan>")
    return "".join(spans)

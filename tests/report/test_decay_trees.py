import re
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from helpers.results import event

from hepsets.core.errors import InputError
from hepsets.report.decay_trees import decay_tree

UPSILON = event(
    (300553, 0, 3.0),
    (511, 0, 1.5),
    (-511, 0, 1.5),
    (-411, 1, 1.0),
    (211, 1, 0.5),
    (321, 3, 0.4),
    (-211, 3, 0.3),
    (-211, 3, 0.3),
    (-13, 2, 0.7),
    (14, 2, 0.2),
    (313, 2, 0.6),
    (99999999, 10, 0.6),
)


def texts(svg):
    root = ElementTree.fromstring(svg)
    return ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]


def test_every_particle_is_named_once_and_every_mother_joined_to_its_daughters():
    svg = decay_tree(UPSILON, 0)
    labels = texts(svg)
    assert labels.count("π\u2212") == 2
    for name in ("ϒ(4S)", "B0", "B\u03050", "D\u2212", "K+", "μ+", "K*(892)0", "99999999"):
        assert name in labels or name.replace("ϒ", "Υ") in labels, (name, labels)
    assert svg.count('class="t-edge') == 11
    assert svg.count('class="t-edge t-neutrino"') == 1


def test_final_state_particles_carry_their_momentum():
    labels = texts(decay_tree(UPSILON, 0))
    assert [label for label in labels if re.fullmatch(r"\d\.\d\d", label)] == [
        "0.50",
        "0.40",
        "0.30",
        "0.30",
        "0.70",
        "0.20",
        "0.60",
    ] or sorted(label for label in labels if re.fullmatch(r"\d\.\d\d", label)) == [
        "0.20",
        "0.30",
        "0.30",
        "0.40",
        "0.50",
        "0.60",
        "0.70",
    ]


def test_names_on_the_same_line_do_not_overlap_and_none_leaves_the_picture():
    random = np.random.default_rng(1)
    ids = [511, 413, 113, 20213, 111, 22, 211, 321, 310, 10411, 12]
    rows = [(300553, 0, 1.0)]
    for i in range(1, 95):
        rows.append(
            (int(random.choice(ids)), int(random.integers(max(0, i - 12), i)), float(random.random()))
        )
    svg = decay_tree(event(*rows), 0)
    root = ElementTree.fromstring(svg)
    _, _, width, height = (float(v) for v in root.attrib["viewBox"].split())
    places = {}
    for node in root.iter("{http://www.w3.org/2000/svg}text"):
        x, y = float(node.attrib["x"]), float(node.attrib["y"])
        length = 6.5 * len("".join(node.itertext()).replace("\u0305", ""))
        assert x >= 0
        assert x + min(length, 40) <= width
        assert 0 <= y <= height
        places.setdefault(round(y), []).append((x, x + 0.8 * length))
    for line in places.values():
        line.sort()
        assert all(a[1] <= b[0] for a, b in pairwise(line))


def test_several_roots_and_a_lone_particle_are_drawn_too():
    assert texts(decay_tree(event((211, 0, 1.0)), 0)).count("π+") == 1
    assert decay_tree(event((211, 0, 1.0), (22, 1, 0.5)), 0).count("t-edge") == 0


@pytest.mark.parametrize("number", [-1, 1])
def test_an_event_that_is_not_there_is_refused(number):
    with pytest.raises(InputError, match="of 1"):
        decay_tree(UPSILON, number)

"""Forced tag decays: always a tag, in the proportions of the decay table, else like any other event."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
from scipy.stats import binomtest, chi2

from hepsets.core.errors import InputError
from hepsets.core.lorentz import boosted
from hepsets.generate.decay_table import Channel, DecayTable, belle2_decay_table, conjugate
from hepsets.generate.pythia import generate_block
from hepsets.generate.tag_decays import (
    TAG_ALIAS_BASE,
    final_contents,
    force_tag_decays,
    tag_decays,
)
from hepsets.generate.tag_modes import B_MODES, CHARM_MODES
from hepsets.select.candidates import record as candidates
from hepsets.select.candidates.charm import CHARM_MODES as FOUND_MODES
from hepsets.select.skims import hadronic_tag

EVENTS = 1500
FINAL = frozenset({11, 12, 13, 14, 16, 22, 111, 211, 321, 130, 2112, 2212})
B_CONTENTS = {b: final_contents(modes) for b, modes in B_MODES.items()}


def daughters(events):
    """For each particle the positions of its daughters."""
    below = [[] for _ in range(events.n_particles)]
    for particle, mother in enumerate(events.mothers):
        if mother != particle:
            below[mother].append(particle)
    return below


def ends(particle, pdg, below, stop):
    """PDG ids that a particle decays to, following all but those in ``stop``."""
    found = []
    for daughter in below[particle]:
        if abs(pdg[daughter]) in stop or not below[daughter]:
            found.append(int(pdg[daughter]))
        else:
            found.extend(ends(daughter, pdg, below, stop))
    return found


def tag_content(b, pdg, below):
    """What a B ends in (as of a B, not an anti-B), if the tag has a mode for it."""
    sign = 1 if pdg[b] > 0 else -1
    content = tuple(sorted(conjugated(ends(b, pdg, below, FINAL | set(CHARM_MODES)), sign)))
    if content not in B_CONTENTS[abs(pdg[b])]:
        return None
    todo = list(below[b])
    while todo:
        particle = todo.pop()
        if abs(pdg[particle]) in CHARM_MODES:
            ends_in = ends(particle, pdg, below, FINAL | {310})
            if tuple(sorted(conjugated(ends_in, pdg[particle]))) not in charm_contents(abs(pdg[particle])):
                return None
        todo.extend(below[particle])
    return content


def conjugated(ids, sign):
    return [pdg if sign > 0 else conjugate(pdg) for pdg in ids]


def charm_contents(pdg):
    return {tuple(sorted(mode)) for mode in CHARM_MODES[pdg]}


@pytest.fixture(scope="module", params=["mixed", "charged"])
def tagged(request):
    return generate_block(request.param, 5, 0, EVENTS, forced="tag")


def contents_of(events):
    pdg, below = events.particles["pdg"], daughters(events)
    return [[tag_content(start + k, pdg, below) for k in (1, 2)] for start in events.offsets[:-1]]


def test_a_forced_event_always_holds_a_tag_decay(tagged):
    tagged.validate()
    contents = contents_of(tagged)
    assert all(first or second for first, second in contents)
    assert np.mean([bool(first) and bool(second) for first, second in contents]) < 0.06


def test_tag_decays_come_in_the_proportions_of_the_decay_table(tagged):
    b = abs(int(tagged.particles["pdg"][1]))
    table = tag_decays().table
    expected = Counter()
    for channel in table.channels[tag_decays().own_id[b]]:
        expected[product_content(channel, table)] += channel.branching_fraction
    counted = Counter(content for pair in contents_of(tagged) for content in pair if content)
    total = sum(counted.values())
    frequent = [content for content in expected if expected[content] / sum(expected.values()) > 0.01]
    mean = np.array([total * expected[c] / sum(expected.values()) for c in frequent])
    seen = np.array([counted[c] for c in frequent])
    # widths of resonances bend the table's fractions by a few per cent in Pythia
    statistic = np.sum((seen - mean) ** 2 / (mean + (0.05 * mean) ** 2))
    assert chi2.sf(statistic, len(frequent)) > 0.001


def product_content(channel, table):
    """What one channel of the forced B ends in; its aliases can end in one way only, or are charm."""
    content = []
    for pdg in channel.products:
        namesake = table.aliases.get(abs(pdg), abs(pdg))
        if namesake in CHARM_MODES or abs(pdg) < TAG_ALIAS_BASE:
            content.append(namesake * (1 if pdg > 0 else -1))
        else:
            content.extend(conjugated(product_content(table.channels[abs(pdg)][0], table), pdg))
    return tuple(sorted(content))


def test_either_b_is_forced_and_flavours_oscillate_as_always():
    events = generate_block("mixed", 6, 0, 5000, forced="tag")
    pdg = events.particles["pdg"]
    first, second = pdg[events.offsets[:-1] + 1], pdg[events.offsets[:-1] + 2]
    assert binomtest(int((first == second).sum()), len(events), 0.186).pvalue > 0.001
    contents = np.array([[bool(c) for c in pair] for pair in contents_of(events[:1000])])
    only = contents[contents.sum(axis=1) == 1]
    assert binomtest(int(only[:, 0].sum()), len(only)).pvalue > 0.001


def test_vector_mesons_are_polarised_as_in_generic_decays():
    """A spinless B passes no helicity on to rho+: cos^2 of its decay angle has the mean 3/5, not 1/3."""
    events = generate_block("charged", 8, 0, 4000, forced="tag")
    pdg, below = events.particles["pdg"], daughters(events)
    p = np.column_stack([events.particles[name] for name in ("px", "py", "pz", "energy")]).astype(float)
    cosines = []
    for b in np.flatnonzero(np.abs(pdg) == 521):
        if sorted(abs(pdg[below[b]])) == [213, 421]:
            (rho,) = (k for k in below[b] if abs(pdg[k]) == 213)
            moving = p[[rho]] * [-1, -1, -1, 1]
            pion, mother = (boosted(p[[k]], moving)[0, :3] for k in (below[rho][0], b))
            cosines.append(pion @ mother / np.linalg.norm(pion) / np.linalg.norm(mother))
    squares = np.array(cosines) ** 2
    assert len(squares) > 200
    assert abs(squares.mean() - 0.6) < 4 * squares.std() / np.sqrt(len(squares))


def test_the_forced_share_is_that_of_generic_decays():
    """Charm mesons and K_S of ordinary events decay into the tag's modes as often as computed."""
    events = generate_block("charged", 7, 0, 3000)
    pdg, below = events.particles["pdg"], daughters(events)
    table = tag_decays().table
    share = {
        table.aliases[own]: sum(c.branching_fraction for c in channels)
        for own, channels in table.channels.items()
        if own >= TAG_ALIAS_BASE and table.aliases.get(own) in CHARM_MODES
    }
    for meson in (421, 411):
        mesons = np.flatnonzero(np.abs(pdg) == meson)
        n_tags = sum(
            tuple(sorted(conjugated(ends(m, pdg, below, FINAL | {310}), pdg[m]))) in charm_contents(meson)
            and all(
                sorted(pdg[below[k]]) == [-211, 211]
                for k in kshorts_below(m, pdg, below)
            )
            for m in mesons
        )  # fmt: skip
        deviation = abs(n_tags - share[meson] * len(mesons))
        assert deviation < 3.5 * np.sqrt(n_tags) + 0.05 * n_tags, meson


def kshorts_below(particle, pdg, below):
    for daughter in below[particle]:
        if pdg[daughter] == 310:
            yield daughter
        yield from kshorts_below(daughter, pdg, below)


def test_a_table_of_two_resonances_is_conditioned_as_by_hand():
    """B+ -> anti-D0 rho+ with rho+ -> pi+ pi0 (90 %) or pi+ gamma (10 %), D0 -> K- pi+ (40 %)."""
    table = DecayTable(
        {
            511: (Channel(1.0, (-411, 321), 0),),
            521: (Channel(0.2, (-421, 213), 0), Channel(0.3, (-421, 321), 0), Channel(0.0, (-421, 211), 0)),
            213: (Channel(0.9, (211, 111), 2), Channel(0.1, (211, 22), 0)),
            421: (Channel(0.4, (-321, 211), 0), Channel(0.6, (-321, 14, -13), 22)),
        },
        {},
        {},
        (),
    )
    forced = force_tag_decays(table)
    assert forced.branching_fraction[511] == 0
    # D*0 -> D0 gamma is a tag mode with the same end as rho+ -> pi+ gamma: both count
    assert forced.branching_fraction[521] == pytest.approx(0.2 / 0.5 * (0.9 + 0.1) * 0.4)
    channels = forced.table.channels[forced.own_id[521]]
    assert sorted(c.branching_fraction for c in channels) == pytest.approx([0.016, 0.144])
    for channel in channels:
        names = [forced.table.aliases[abs(pdg)] * (1 if pdg > 0 else -1) for pdg in channel.products]
        assert names == [-421, 213]
        (rho,) = forced.table.channels[channel.products[1]]
        assert rho.me_mode == (2 if rho.products == (211, 111) else 0)
    (charm,) = forced.table.channels[-channels[0].products[0]]
    assert charm.products == (-321, 211)


def test_the_belle2_table_itself_is_left_alone():
    plain, forced = belle2_decay_table(), tag_decays().table
    assert all(forced.channels[mother] is channels for mother, channels in plain.channels.items())
    assert max(plain.aliases) < TAG_ALIAS_BASE <= min(forced.aliases.keys() - plain.aliases.keys())
    assert max(forced.aliases) < 9_900_000  # ids of hadrons, as Pythia sees it
    new = forced.aliases.keys() - plain.aliases.keys()
    assert all(own % 1000 == forced.aliases[own] % 1000 for own in new)
    assert all((own // 1000 % 10 == 0) == (own % 10 == 1) for own in new)


def test_self_conjugate_resonances_decay_alike_in_both_conjugates():
    """Pythia has no anti-rho0, so what a rho0 ends in must be its own conjugate."""
    table = tag_decays().table
    for own, namesake in table.aliases.items():
        if own >= TAG_ALIAS_BASE and conjugate(namesake) == namesake and namesake != 310:
            content = product_content(table.channels[own][0], table)
            assert tuple(sorted(conjugated(content, -1))) == content, namesake


def test_the_forced_modes_are_those_of_the_tag():
    kinds = {candidates.D0: 421, candidates.D_PLUS: 411, candidates.D_S: 431}
    systems = {
        -1: {0: ()},
        candidates.PION: {1: (211,)},
        candidates.TWO_PI: {0: (211, -211)},
        candidates.TWO_PI_SAME: {2: (211, 211)},
        candidates.THREE_PI: {1: (211, 211, -211)},
    }
    charm = {meson: set() for meson in kinds.values()}
    for _, kind, n_minus, n_plus, pions, charge, n_ks, n_pi0 in FOUND_MODES:
        content = (
            (-321,) * n_minus + (321,) * n_plus + systems[pions][charge] + (310,) * n_ks + (111,) * n_pi0
        )
        charm[kinds[kind]].add(tuple(sorted(content)))
    assert charm == {meson: charm_contents(meson) for meson in charm}

    ids = {"D-": -411, "D*-": -413, "anti-D0": -421, "anti-D*0": -423, "pi+": 211, "pi-": -211, "pi0": 111}
    ids |= {"Ds+": 431, "Ds*+": 433, "D0": 421, "K+": 321}
    for b, allowed in ((511, hadronic_tag.NEUTRAL_B), (521, hadronic_tag.CHARGED_B)):
        names = [
            f"{hadronic_tag.CHARM_NAMES[row]} {hadronic_tag.COMPANIONS[column][0]}"
            for row, column in product(*map(range, allowed.shape))
            if allowed[row, column]
        ]
        assert {tuple(sorted(ids[n] for n in name.split())) for name in names} == {
            tuple(sorted(mode)) for mode in B_MODES[b]
        }


def test_continuum_events_hold_no_tag():
    with pytest.raises(InputError, match=r"'tag' in sample 'ccbar'.*mixed, charged"):
        generate_block("ccbar", 1, 0, 10, forced="tag")

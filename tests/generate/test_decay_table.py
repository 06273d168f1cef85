"""The decay table: what is read, how it is ordered, what is loaded into Pythia."""

import numpy as np
import pytest
from decaylanguage import DecFileParser
from decaylanguage.data import basepath
from hypothesis import given
from hypothesis import strategies as st
from particle.converters import EvtGenName2PDGIDBiMap

from hepsets.core.errors import InputError
from hepsets.generate.decay_table import (
    ALIAS_BASE,
    DALITZ,
    MAX_PRODUCTS,
    WEAK,
    belle2_decay_table,
    conjugate,
    lepton_numbers,
    parse_decay_table,
)
from hepsets.generate.pythia_particles import load_into
from hepsets.generate.tag_decays import tag_decays

NEUTRINOS, CHARGED_LEPTONS = {12, 14, 16}, {11, 13, 15}
TABLE = belle2_decay_table()
IDS = sorted({pdg for channels in TABLE.channels.values() for c in channels for pdg in c.products})


@pytest.fixture(scope="module")
def reference():
    parser = DecFileParser(str(basepath / "DECAY_BELLE2.DEC"))
    parser.parse(include_ccdecays=False)
    return parser


def namesakes(products):
    return sorted(TABLE.aliases.get(abs(i), abs(i)) * (1 if i > 0 else -1) for i in products)


@pytest.mark.parametrize(
    "name", ["B0", "B+", "D0", "D+", "D_s+", "Lambda_c+", "phi", "a_1+", "eta'", "psi(2S)"]
)
def test_fractions_and_products_are_those_that_decaylanguage_reads(reference, name):
    mother = int(EvtGenName2PDGIDBiMap[name])
    aliases = reference.dict_aliases()
    modes = reference._find_decay_modes(name)
    products = reference.list_decay_modes(name)
    expected = sorted(
        (
            float(mode.children[0].children[0].value),
            sorted(int(EvtGenName2PDGIDBiMap[aliases.get(p, p)]) for p in names),
        )
        for mode, names in zip(modes, products, strict=True)
    )
    channels = list(TABLE.channels[mother])
    if mother in TABLE.inclusive:
        channels += TABLE.channels[TABLE.inclusive[mother][0]]
    assert sorted((c.branching_fraction, namesakes(c.products)) for c in channels) == expected


def test_inclusive_share_of_b_decays_is_that_of_the_quark_level_channels():
    for pdg, (own, share) in TABLE.inclusive.items():
        quark_level = sum(c.branching_fraction for c in TABLE.channels[own])
        listed = sum(c.branching_fraction for c in TABLE.channels[pdg])
        assert share == pytest.approx(quark_level / (quark_level + listed))
        assert quark_level + listed == pytest.approx(1, abs=1e-4)
        assert TABLE.aliases[own] == pdg


def test_only_what_pythia_cannot_hold_is_left_out():
    assert [words.split(" ")[0].rstrip(":") for words in TABLE.left_out] == [
        "J/psi",
        "Xi_c0",
        "Xi_c+",
        "Omega_c0",
    ]
    assert all(0 < len(c.products) <= MAX_PRODUCTS for cs in TABLE.channels.values() for c in cs)


def test_semileptonic_b_decays_begin_with_the_neutrino_and_charm_decays_with_the_lepton():
    for mother, first, second in [(511, NEUTRINOS, CHARGED_LEPTONS), (521, NEUTRINOS, CHARGED_LEPTONS),
                                  (411, CHARGED_LEPTONS, NEUTRINOS), (421, CHARGED_LEPTONS, NEUTRINOS),
                                  (431, CHARGED_LEPTONS, NEUTRINOS)]:  # fmt: skip
        weak = [c for c in TABLE.channels[mother] if c.me_mode == WEAK]
        assert len(weak) >= 8
        assert all(abs(c.products[0]) in first and abs(c.products[1]) in second for c in weak)


def test_a_dalitz_pair_comes_last():
    (dalitz,) = [c for c in TABLE.channels[111] if c.me_mode == DALITZ]
    assert dalitz.products == (22, -11, 11)


def test_aliases_have_ids_of_their_own_and_the_antialias_is_the_negative():
    assert all(own > ALIAS_BASE and 0 < pdg < 1_000_000 for own, pdg in TABLE.aliases.items())
    text = """
    Alias MyK K*0
    Alias MyAntiK anti-K*0
    ChargeConj MyK MyAntiK
    Decay D+
    1.0 MyAntiK pi+ PHSP;
    Enddecay
    Decay MyK
    1.0 K+ pi- VSS;
    Enddecay
    """
    table = parse_decay_table(text)
    (own,) = table.aliases
    assert table.aliases[own] == 313
    assert table.channels[411][0].products == (-own, 211)
    assert table.channels[own][0].products == (321, -211)


@given(st.sampled_from(IDS))
def test_conjugation_is_an_involution(pdg):
    assert conjugate(conjugate(pdg)) == pdg


def test_charge_is_conserved_in_every_channel_that_pythia_gets():
    pythia8mc = pytest.importorskip("pythia8mc")
    data = pythia8mc.Pythia("", False).particleData
    load_into(data, TABLE)
    loaded = 0
    for mother, channels in TABLE.channels.items():
        entry = data.particleDataEntryPtr(mother) if data.isParticle(mother) else None
        if entry is None or entry.sizeChannels() != len(channels):
            continue
        loaded += len(channels)
        for channel in channels:
            if any(abs(pdg) in (81, 82, 83) for pdg in channel.products):
                continue
            charge = sum(data.chargeType(pdg) for pdg in channel.products)
            assert charge == data.chargeType(mother), (mother, channel)
    assert loaded > 4700


def lepton_balance(mother, channel):
    made = np.sum([lepton_numbers(pdg) for pdg in channel.products], axis=0)
    return tuple(int(n) for n in made - lepton_numbers(mother))


@pytest.mark.parametrize("table", [TABLE, tag_decays().table], ids=["generic", "tag"])
def test_electron_muon_and_tau_number_are_conserved_in_every_channel(table):
    channels = [(mother, c) for mother, cs in table.channels.items() for c in cs]
    with_neutrino = [c for _, c in channels if NEUTRINOS & {abs(pdg) for pdg in c.products}]
    assert len(with_neutrino) > 300
    assert [(m, c) for m, c in channels if any(lepton_balance(m, c))] == []


def test_a_neutrino_that_should_be_an_antineutrino_is_mended_and_nothing_else_is():
    table = parse_decay_table(
        """
        Decay K_S0
        0.4 pi+ e- nu_e PHSP;
        0.4 pi- e+ nu_e PHSP;
        0.1 pi- e+ mu- nu_mu anti-nu_mu PHSP;
        0.1 pi- mu+ anti-nu_mu PHSP;
        Enddecay
        """
    )
    assert [c.products for c in table.channels[310]] == [
        (211, 11, -12),
        (-211, -11, 12),
        (-211, -11, 13, 14, -14),  # lepton flavour violated on purpose: no neutrino mends it
        (-211, -13, 14),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [("0.5 K- pi+", "without a decay model"), ("0.5 Kaon- pi+ PHSP", "unknown particle 'Kaon-'")],
)
def test_a_faulty_table_is_named(line, message):
    with pytest.raises(InputError, match=message):
        parse_decay_table(f"Decay D0\n{line};\nEnddecay\n")

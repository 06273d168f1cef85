"""The masses are those of the particle package, but for what their lines say."""

import pytest
from particle import Particle

from hepsets.core import masses
from hepsets.generate.kstmumu.density import TABLE_FILE

SAME = {
    "M_E": 11,
    "M_MU": 13,
    "M_PI": 211,
    "M_K": 321,
    "M_PI0": 111,
    "M_KS": 310,
    "M_D0": 421,
    "M_DPLUS": 411,
    "M_DS": 431,
    "M_DS_STAR": 433,
    "M_LC": 4122,
    "M_JPSI": 443,
    "M_BS": 531,
    "M_LB": 5122,
    "M_PHI": 333,
    "M_DELTA": 2224,
    "M_LAMBDA_1520": 3124,
}
OLDER = {"M_P": (2212, 2e-9), "M_B0": (511, 6e-5), "M_KSTAR": (313, 1e-5), "M_RHO": (213, 2e-4)}


def mass(pdg):
    return Particle.from_pdgid(pdg).mass / 1000


@pytest.mark.parametrize(("name", "pdg"), SAME.items())
def test_masses_are_those_of_the_package(name, pdg):
    assert getattr(masses, name) == pytest.approx(mass(pdg), rel=2e-10)


@pytest.mark.parametrize(("name", "pdg", "apart"), [(name, *rest) for name, rest in OLDER.items()])
def test_older_masses_are_as_close_to_the_package_as_their_lines_say(name, pdg, apart):
    assert getattr(masses, name) == pytest.approx(mass(pdg), abs=1.1 * apart)


def test_widths_and_flights_are_close_to_those_of_the_package():
    assert pytest.approx(Particle.from_pdgid(213).width / 1000) == masses.WIDTH_RHO
    assert pytest.approx(Particle.from_pdgid(313).width / 1000, abs=3e-4) == masses.WIDTH_KSTAR
    for width, pdg in (("PHI", 333), ("DELTA", 2224), ("LAMBDA_1520", 3124)):
        assert getattr(masses, f"WIDTH_{width}") == pytest.approx(Particle.from_pdgid(pdg).width / 1000)
    for flight, pdg in ((masses.FLIGHT_PI, 211), (masses.FLIGHT_K, 321), (masses.FLIGHT_B0, 511)):
        assert flight == pytest.approx(Particle.from_pdgid(pdg).ctau / 10, rel=0.005)


def test_the_table_of_the_density_was_computed_with_these_masses():
    import json

    table = json.loads(TABLE_FILE.with_suffix(".json").read_text())
    found = next(part for part in table.values() if isinstance(part, dict) and "B0" in part)
    assert found == {"B0": masses.M_B0, "K*0": masses.M_KSTAR, "mu": pytest.approx(masses.M_MU)}

"""A HepMC2 file, which begins with HepMC::Version as HepMC3's does."""


def test_hepmc2_is_named_with_the_way_to_convert_it(case):
    line = case.refused("filter", "in.hepmc", "--out", "out.hepmc")
    assert "in.hepmc is HepMC2 ASCII" in line
    assert "convert_example -i hepmc2 -o hepmc3" in line

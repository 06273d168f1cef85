"""The line that names the weights stands twice: HepMC3 stops at the first event after it."""


def test_weights_that_are_named_twice_are_refused(case):
    line = case.refused("filter", "in.hepmc", "--out", "out.hepmc", "--mode", "score")
    assert "names its weights twice" in line

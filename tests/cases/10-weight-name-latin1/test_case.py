"""A weight whose name holds a byte that is no UTF-8 (a micro sign of Latin-1)."""

from helpers.hepmc_text import hepmc_text
from helpers.small_filter import beam_events


def test_the_byte_of_the_name_comes_out_as_it_went_in(case):
    text = hepmc_text(beam_events(3), names=("nominal", "mu_R")).replace(b"mu_R", b"\xb5_R")
    (case.folder / "in.hepmc").write_bytes(text)
    code, _, err = case.hepsets("filter", "in.hepmc", "--out", "out.hepmc", "--mode", "score")
    assert code == 0, err
    assert b"\nW nominal\\|\xb5_R\\|hepsets_score_hadronic_b0\n" in (case.folder / "out.hepmc").read_bytes()

"""Compressed HepMC3, as HepMC3 reads it too."""


def test_xz_is_read(case):
    code, _, err = case.hepsets("filter", "in.hepmc.xz", "--out", "out.hepmc.zst", "--mode", "score")
    assert code == 0, err
    assert (case.folder / "out.hepmc.zst").read_bytes().startswith(b"\x28\xb5\x2f\xfd")

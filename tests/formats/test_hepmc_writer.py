"""Events as HepMC3 ASCII, read by our reader and by HepMC3's own."""

import gzip

import numpy as np
import pytest
from helpers.hepmc_text import assert_same, parsed

from hepsets.formats.hepmc_writer import hepmc_writer
from hepsets.generate.pythia import generate_block

pytest.importorskip("pythia8mc")

EVENTS = generate_block("mixed", 5, 0, 6)


@pytest.mark.parametrize("beams", [True, False])
def test_what_is_written_is_read_again(tmp_path, beams):
    path = tmp_path / "events.hepmc"
    with hepmc_writer(path, beams=beams) as writer:
        writer.write(EVENTS[:2])
        writer.write(EVENTS[2:])
    found, numbers = parsed(path.read_bytes())
    assert numbers.tolist() == list(range(6))
    expected = EVENTS
    if not beams:  # the record does not say where roots are made
        places = {name: expected.particles[name].copy() for name in ("x", "y", "z", "prod_time")}
        for column in places.values():
            column[expected.offsets[:-1]] = 0
        expected = type(EVENTS)({**expected.particles, **places}, expected.offsets)
    assert_same(found, expected)


def test_hepmc3_itself_reads_it_and_beams_make_the_roots(tmp_path):
    pyhepmc = pytest.importorskip("pyhepmc")
    path = tmp_path / "events.hepmc.gz"
    with hepmc_writer(path) as writer:
        writer.write(EVENTS)
    plain = tmp_path / "plain.hepmc"
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    with pyhepmc.open(str(plain)) as file:
        read = list(file)
    assert len(read) == 6
    for event, multiplicity in zip(read, EVENTS.multiplicity, strict=True):
        assert len(event.particles) == multiplicity + 2
        beams = [particle for particle in event.particles if particle.status == 4]
        assert [particle.pid for particle in beams] == [11, -11]
        (root,) = beams[0].children
        total = [sum(getattr(beam.momentum, name) for beam in beams) for name in ("x", "y", "z", "t")]
        own = [getattr(root.momentum, name) for name in ("x", "y", "z", "t")]
        np.testing.assert_allclose(total, own, atol=1e-6)


def test_a_listing_that_breaks_off_leaves_no_file(tmp_path):
    def broken():
        with hepmc_writer(tmp_path / "events.hepmc") as writer:
            writer.write(EVENTS[:1])
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        broken()
    assert list(tmp_path.iterdir()) == []

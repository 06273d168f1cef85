import pytest

from hepsets.core.errors import InputError
from hepsets.formats.edm4hep_layout import Collections, find_layout, is_edm4hep

PARTICLE = [f"momentum.{axis}" for axis in "xyz"] + ["energy", "charge"]


def names(collection):
    return [f"{collection}/{collection}.{member}" for member in PARTICLE]


def test_the_usual_collection_comes_before_others_and_ones_own_before_it():
    both = names("PandoraPFOs") + names("ReconstructedParticles") + names("Mine")
    assert find_layout(both, Collections(), "f").particles["px"].startswith("ReconstructedParticles/")
    assert find_layout(both, Collections(particles="Mine"), "f").particles["px"] == "Mine/Mine.momentum.x"


def test_a_tree_is_known_by_its_particles_or_by_header_and_momenta():
    assert is_edm4hep(names("PandoraPFOs"))
    assert is_edm4hep(["EventHeader/EventHeader.eventNumber", *names("Mine")])
    assert not is_edm4hep(["B0_px", "momentum.x"])


def test_every_branch_is_read_once_and_indices_are_whole():
    layout = find_layout(
        [*names("ReconstructedParticles"), "ReconstructedParticles.PDG", "Particle.PDG",
         "_RecoMCLink_from.index", "_RecoMCLink_to.index"],
        Collections(), "f",
    )  # fmt: skip
    assert len(layout.branches) == len(set(layout.branches)) == 9
    assert layout.whole == {
        *("ReconstructedParticles.PDG", "Particle.PDG", "_RecoMCLink_from.index", "_RecoMCLink_to.index")
    }


def test_vertices_can_be_left_out():
    there = [
        *names("PandoraPFOs"),
        *(f"PrimaryVertices.position.{axis}" for axis in "xyz"),
        "PrimaryVertices.chi2",
    ]
    assert list(find_layout(there, Collections(), "f").vertices) == ["PrimaryVertices"]
    assert not find_layout(there, Collections(vertices=("",)), "f").vertices
    with pytest.raises(InputError, match="no collection Others of vertices"):
        find_layout(there, Collections(vertices=("Others",)), "f")

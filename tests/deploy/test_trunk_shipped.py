"""The package's own trunk: there, small, what its card says, and another file is never taken for it."""

import re

import pytest
from helpers.toy_corpus import toy_events, toy_trunk

import hepsets as hs
from hepsets.core.errors import InputError
from hepsets.core.record import checksum_of_file
from hepsets.deploy.trunk_shipped import FOLDER, SHIPPED, checked_trunk, trunk_checksum, trunk_file
from hepsets.learn.pretraining.tuning import generated_model, seen_model

CARD = FOLDER / f"{SHIPPED}.md"


def test_it_is_there_small_and_of_the_checksum_and_size_that_its_card_says():
    path = trunk_file(SHIPPED)
    assert path.stat().st_size < 4_000_000
    told = CARD.read_text(encoding="utf-8")
    assert f"SHA-256 `{checksum_of_file(path)}`" in told
    trunk = hs.load_trunk()
    assert f"{trunk.n_parameters} weights" in told
    (shown,) = re.findall(r"\| (\d+) events shown", told)
    assert int(shown) == trunk.card["events_trained"] > 100_000
    assert "/" not in str(trunk.card)  # nor where it was made


def test_networks_for_both_sides_of_an_event_start_from_it():
    trunk = hs.load_trunk()
    assert seen_model(trunk, "head").started
    model, events = generated_model(trunk, "head"), hs.generate("mixed", 60, seed=5)
    hs.fit(model, events, events.multiplicity > events.multiplicity.mean(), epochs=1)
    assert hs.score(model, events).std() > 0


def test_a_file_of_another_checksum_is_refused(tmp_path):
    path = tmp_path / "mine.safetensors"
    toy_trunk(toy_events(20)[1]).save(path)
    began = trunk_checksum(path)
    assert checked_trunk(path, began) == path
    toy_trunk(toy_events(20)[1]).save(path, again=True)
    assert checked_trunk(path) == path
    with pytest.raises(InputError, match=f"expected the one with {began[:12]}, as trunk_sha256 says"):
        checked_trunk(path, began)


def test_the_name_always_means_the_packages_and_all_else_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / SHIPPED).write_text("mine")
    assert trunk_file(SHIPPED).parent == FOLDER
    with pytest.raises(InputError, match=r"no trunk other\.safetensors; expected a file of hepsets pretrain"):
        hs.load_trunk("other.safetensors")

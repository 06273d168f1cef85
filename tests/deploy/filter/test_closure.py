"""Closure of a filter on a sample in which nothing was left out."""

import dataclasses

import numpy as np
import pytest
from helpers.hepmc_text import hepmc_text
from helpers.small_filter import beam_events, small_filter

from hepsets.core.errors import InputError
from hepsets.core.events import EventWriter
from hepsets.deploy.filter.closure import check_filter
from hepsets.deploy.filter.event_filter import EventFilter, FilterSettings


def sample(folder, events=1500, **columns):
    made = beam_events(events, 5)
    label = np.random.default_rng(2).random(events) < 0.4
    with EventWriter(folder / "full.parquet") as writer:
        writer.write(made.with_columns(**{"label": label, **columns}))
    return folder / "full.parquet", label


def test_hepmc_holds_no_labels_and_says_how_to_give_it_some(tmp_path):
    (tmp_path / "e.hepmc").write_bytes(hepmc_text(beam_events(5, 1)))
    with pytest.raises(InputError, match="is HepMC and holds no labels; expected parquet with"):
        check_filter(EventFilter.load(small_filter()), [tmp_path / "e.hepmc"])


def test_a_filter_closes_on_events_that_nobody_chose(tmp_path):
    path, label = sample(tmp_path)
    found = check_filter(EventFilter.load(small_filter()), [path])
    (skim,) = found.skims
    assert found.closes
    assert (found.events, skim.passing) == (1500, label.sum())
    assert abs(skim.pull) < 4
    assert skim.kept < skim.passing
    assert 0 < skim.fraction < 1
    for one in skim.observables:
        assert one.fraction.min() <= skim.fraction * 1.001
        assert one.bias.all_sum.sum() <= label.sum()
    text = "\n".join(found.lines())
    assert "closes" in text
    assert "not tested: that the full sample itself is representative" in text
    assert "1500 events" in text


def test_weights_that_do_not_make_up_for_the_choice_are_seen(tmp_path, monkeypatch):
    path, _ = sample(tmp_path)
    keep = EventFilter.load(small_filter())
    decide = keep.decide

    def unweighted(*arguments, **named):
        found = decide(*arguments, **named)
        return dataclasses.replace(found, weights=(found.weights > 0).astype(float))

    monkeypatch.setattr(keep, "decide", unweighted)
    found = check_filter(keep, [path])
    assert not found.closes
    assert found.skims[0].pull < -5
    assert "DOES NOT CLOSE" in "\n".join(found.lines())


def test_nothing_is_tested_where_all_that_pass_are_kept_with_weight_1(tmp_path):
    path, _ = sample(tmp_path)
    found = check_filter(EventFilter.load(small_filter()), [path], FilterSettings("importance", floor=1.0))
    (skim,) = found.skims
    assert (skim.kept, skim.chosen) == (skim.passing, 0)
    assert not found.closes
    assert not found.fails
    text = "\n".join(found.lines())
    assert "NOTHING TESTED" in text
    assert "closes" not in text


def test_what_a_filter_wrote_is_no_full_sample(tmp_path):
    path, _ = sample(tmp_path, hepsets_hadronic_b0=np.ones(1500))
    with pytest.raises(InputError, match=r"a filter wrote \(hepsets_hadronic_b0\); expected all events"):
        check_filter(EventFilter.load(small_filter()), [path])


def test_a_label_that_may_be_another_skims_is_told(tmp_path):
    keep = EventFilter.load(small_filter())
    path, label = sample(tmp_path)
    assert "warning" not in "\n".join(check_filter(keep, [path]).lines())
    path, _ = sample(tmp_path, label_fast_charm=label)
    assert "warning: label is taken for that of hadronic_b0; " in "\n".join(
        check_filter(keep, [path]).lines()
    )
    path, _ = sample(tmp_path, label_fast_charm=label, label_hadronic_b0=label)
    assert "warning" not in "\n".join(check_filter(keep, [path]).lines())


def test_what_cannot_be_checked_is_refused(tmp_path):
    path, _ = sample(tmp_path, 100)
    keep = EventFilter.load(small_filter())
    with pytest.raises(InputError, match="events that pass hadronic_b0"):
        check_filter(keep, [path])
    with pytest.raises(InputError, match="label_jpsi"):
        check_filter(EventFilter.load(small_filter(2)), [path])
    with pytest.raises(InputError, match="importance"):
        check_filter(keep, [path], FilterSettings("threshold"))

"""A filter behind a filter: independent decisions, and weights that stand for all events of the first."""

import re

import numpy as np
import pyarrow.parquet as pq
import pytest
from helpers.hepmc_text import hepmc_text
from helpers.small_filter import beam_events, small_filter

from hepsets.core.errors import InputError
from hepsets.core.events import read_parquet, write_parquet
from hepsets.deploy.filter.chain import chain
from hepsets.deploy.filter.event_filter import EventFilter, FilterSettings
from hepsets.deploy.filter.files import filter_files

EVENTS = beam_events(500, 21)
B0, JPSI = "hepsets_hadronic_b0", "hepsets_jpsi"


@pytest.fixture(scope="module")
def one():
    return EventFilter.load(small_filter())


@pytest.fixture(scope="module")
def two():
    return EventFilter.load(small_filter(2))


def test_any_chain_of_filters_leaves_weights_of_mean_one():
    """Of five kinds of events, each drawn often: filters with other skims, shared ones, and a new one."""
    rng = np.random.default_rng(4)
    n = 200_000
    kind = np.arange(n) % 5
    weights: dict[str, np.ndarray] = {}
    here = np.ones(n, dtype=bool)
    for skims in (("a", "b"), ("b", "c"), ("a", "b"), ("d",)):
        p = rng.uniform(0.3, 1, (5, len(skims)))[kind]
        draw = rng.random(n)[:, None] < p
        chained = chain(weights, skims, np.where(draw, 1 / p, 0.0), "test")
        weights = {f"hepsets_{skim}": chained.own[:, i] for i, skim in enumerate(skims)} | dict(
            chained.others
        )
        here &= draw.any(axis=1)
        assert not any(column[~here].any() for column in weights.values())
    assert set(weights) == {"hepsets_a", "hepsets_b", "hepsets_c", "hepsets_d"}
    for name, column in weights.items():
        for one_kind in range(5):
            found = column[kind == one_kind]
            error = found.std() / np.sqrt(len(found))
            assert abs(found.mean() - 1) < 4.5 * error, name


def test_weights_of_three_events_are_multiplied_by_hand():
    """Skim a was known before, c was not; the first event is kept for a, the third for both."""
    earlier = {"hepsets_a": np.array([2.0, 0.0, 4.0]), "hepsets_b": np.array([1.0, 3.0, 1e100])}
    chained = chain(earlier, ["a", "c"], np.array([[2.0, 0.0], [0.0, 0.0], [3.0, 1.5]]), "test")
    assert chained.before.tolist() == [[2, 1.5], [0, 1.5], [4, 5e99]]
    assert chained.own.tolist() == [[4, 0], [0, 0], [12, 1.5 * 5e99]]
    # with the probability of the likelier of both skims the event is there at all
    assert {name: list(column) for name, column in chained.others.items()} == {
        "hepsets_b": [2, 0, 1.5 * 1e100]
    }


def test_events_that_are_kept_for_sure_are_there_for_all_skims():
    chained = chain({"hepsets_b": np.array([2.0, 3.0])}, ["a"], np.array([[1.0], [0.0]]), "test")
    assert chained.own[:, 0].tolist() == [2, 0]
    assert chained.others["hepsets_b"].tolist() == [2, 0]


def test_the_first_filter_multiplies_ones():
    weights = np.array([[2.0, 0.0], [0.0, 5.0]])
    chained = chain({}, ["a", "b"], weights, "test")
    assert np.array_equal(chained.own, weights)
    assert np.array_equal(chained.before, np.ones((2, 2)))
    assert not chained.others


@pytest.mark.parametrize("wrong", [-1.0, np.nan, np.inf, 1e200])
def test_impossible_weights_of_an_earlier_filter_are_refused(wrong):
    with pytest.raises(InputError, match=f"file: a weight {B0}"):
        chain({B0: np.array([1.0, wrong])}, ["jpsi"], np.ones((2, 1)), "file")


def deviation(one, total: float) -> float:
    """By how many standard deviations a sum of weights behind two equal filters misses all events."""
    p = one.decide(EVENTS).probabilities[:, 0]
    return (total - len(EVENTS)) / np.sqrt((1 / p**2 - 1).sum())


@pytest.mark.parametrize("suffix", [".parquet", ".hepmc"])
def test_the_same_filter_twice_with_one_seed_stands_for_all_events(one, tmp_path, suffix):
    start, first, second = (tmp_path / (name + suffix) for name in ("in", "first", "second"))
    if suffix == ".parquet":
        write_parquet(EVENTS.with_columns(event_number=np.arange(500)), start)
    else:
        start.write_bytes(hepmc_text(EVENTS))
    filter_files(one, [start], first, FilterSettings())
    summary = filter_files(one, [first], second, FilterSettings())
    assert summary.kept < 0.6 * summary.read  # with the same random numbers it would keep everything
    (skim,) = summary.skims
    assert abs(deviation(one, skim.sum_weights)) < 4
    assert abs(skim.mean_weight.value - 1) < 4 * skim.mean_weight.se
    told = "\n".join(summary.lines())
    assert f"({skim.sum_before:.1f} before)" in told
    assert f"multiplied in: {B0}" in told
    if suffix == ".parquet":
        assert read_parquet(second).columns[B0].sum() == pytest.approx(skim.sum_weights)
        assert pq.read_schema(second).names == ["particles", "event_number", B0, "weight_hadronic_b0"]


def test_scores_behind_a_filter_leave_its_weights_and_say_so(one, tmp_path):
    start, first, second = (tmp_path / f"{name}.parquet" for name in ("in", "first", "second"))
    write_parquet(EVENTS.with_columns(event_number=np.arange(500)), start)
    filter_files(one, [start], first, FilterSettings())
    summary = filter_files(one, [first], second, FilterSettings(mode="score"))
    assert f"left as they are: {B0}" in "\n".join(summary.lines())
    assert np.array_equal(read_parquet(second).columns[B0], read_parquet(first).columns[B0])


def test_text_and_parquet_are_chained_alike_and_only_the_weight_changes(one, two, tmp_path):
    """The first filter knows one skim, the second two."""
    (tmp_path / "in.hepmc").write_bytes(hepmc_text(EVENTS[:120]))
    filter_files(one, [tmp_path / "in.hepmc"], tmp_path / "first.hepmc", FilterSettings())
    filter_files(two, [tmp_path / "first.hepmc"], tmp_path / "second.hepmc", FilterSettings())
    before, after = ((tmp_path / name).read_bytes() for name in ("first.hepmc", "second.hepmc"))
    assert b"\nW nominal\\|hepsets_hadronic_b0\\|weight_hadronic_b0\\|hepsets_jpsi\\|weight_jpsi\n" in after
    event = re.compile(rb"^E (\d+) .*?(?=^E |^HepMC)", re.MULTILINE | re.DOTALL)
    texts = {match[1]: match[0] for match in event.finditer(before)}
    numbers = re.compile(rb"^W (\S+) (\S+) (\S+)(?: (\S+) (\S+))?$", re.MULTILINE)
    kept = 0
    for match in event.finditer(after):
        was, now = numbers.search(texts[match[1]]), numbers.search(match[0])
        assert now[1] == was[1]
        assert numbers.sub(b"W", match[0]) == numbers.sub(b"W", texts[match[1]])
        assert (now[2], now[4]) == (now[3], now[5])  # by basf2's names, too
        for weight in (now[2], now[4]):
            assert float(weight) == 0 or float(weight) >= float(was[2])
        kept += 1
    assert 0 < kept < len(texts)


def test_skims_of_the_first_filter_alone_get_the_weight_of_the_second(one, two, tmp_path):
    write_parquet(EVENTS.with_columns(event_number=np.arange(500)), tmp_path / "in.parquet")
    filter_files(two, [tmp_path / "in.parquet"], tmp_path / "first.parquet", FilterSettings())
    filter_files(one, [tmp_path / "first.parquet"], tmp_path / "second.parquet", FilterSettings())
    first, second = (read_parquet(tmp_path / f"{name}.parquet").columns for name in ("first", "second"))
    assert set(second) == {"event_number", B0, JPSI, "weight_hadronic_b0", "weight_jpsi"}
    assert np.array_equal(second["weight_jpsi"], second[JPSI])
    row = np.searchsorted(first["event_number"], second["event_number"])
    assert 0 < len(row) < len(first[B0])
    both = (second[B0] > 0) & (second[JPSI] > 0)
    assert both.any()
    growth = {name: second[name][both] / first[name][row][both] for name in (B0, JPSI)}
    np.testing.assert_allclose(growth[JPSI], growth[B0], rtol=1e-9)
    assert (growth[B0] >= 1).all()


def test_a_filter_whose_weights_were_renamed_is_no_less_independent(one, tmp_path):
    write_parquet(EVENTS, tmp_path / "in.parquet")
    filter_files(one, [tmp_path / "in.parquet"], tmp_path / "first.parquet", FilterSettings())
    table = pq.read_table(tmp_path / "first.parquet")
    names = [name.replace("hadronic_b0", "of_an_earlier_filter") for name in table.column_names]
    names = [name.replace("hepsets_", "") for name in names]
    pq.write_table(table.rename_columns(names), tmp_path / "renamed.parquet")
    summary = filter_files(one, [tmp_path / "renamed.parquet"], tmp_path / "second.parquet", FilterSettings())
    (skim,) = summary.skims
    assert skim.sum_before == summary.read
    assert abs(skim.sum_weights - summary.read) < 4 * skim.mean_weight.se * summary.read


def test_a_first_filter_of_which_one_name_was_changed_is_refused_and_both_ways_round_work(one, tmp_path):
    """Case 03: the other name would stay as it is, so it is said what to do, and that is sane at any seed."""
    first, renamed, second = (tmp_path / f"{name}.parquet" for name in ("first", "renamed", "second"))
    write_parquet(EVENTS, tmp_path / "in.parquet")
    filter_files(one, [tmp_path / "in.parquet"], first, FilterSettings())
    table = pq.read_table(first)
    names = [name.replace(B0, "of_an_earlier_filter") for name in table.column_names]
    pq.write_table(table.rename_columns(names), renamed)
    with pytest.raises(InputError) as refused:
        filter_files(one, [renamed], second, FilterSettings())
    assert "with --skim-name hadronic_b0=NAME, or drop or rename weight_hadronic_b0" in str(refused.value)
    assert f"an earlier filter's, named {B0}, is multiplied in" in str(refused.value)
    for seed in (1, 2):
        settings = FilterSettings(seed=seed)
        alone = filter_files(one, [renamed], second, settings, skim_names={"hadronic_b0": "second"})
        assert alone.skims[0].sum_before == alone.read
        assert abs(alone.skims[0].mean_weight.value - 1) < 4 * alone.skims[0].mean_weight.se
        columns = read_parquet(second).columns
        assert np.array_equal(columns[B0], columns["weight_second"])
        assert {"of_an_earlier_filter", "weight_hadronic_b0"} < set(columns)
        names = [name.replace("weight_hadronic_b0", B0) for name in table.column_names if name != B0]
        pq.write_table(table.drop_columns([B0]).rename_columns(names), tmp_path / "back.parquet")
        both = filter_files(one, [tmp_path / "back.parquet"], second, settings)
        assert both.skims[0].sum_before == pytest.approx(table[B0].to_numpy().sum())
        assert abs(both.skims[0].mean_weight.value - 1) < 4 * both.skims[0].mean_weight.se


def test_scores_leave_the_weights_alone_and_decide_nothing(one, tmp_path):
    write_parquet(EVENTS[:100], tmp_path / "in.parquet")
    score = FilterSettings(mode="score")
    filter_files(one, [tmp_path / "in.parquet"], tmp_path / "scored.parquet", score)
    for name in ("in", "scored"):
        filter_files(one, [tmp_path / f"{name}.parquet"], tmp_path / f"{name}.kept.parquet", FilterSettings())
    direct, behind = (read_parquet(tmp_path / f"{name}.kept.parquet").columns for name in ("in", "scored"))
    assert np.array_equal(direct[B0], behind[B0])
    filter_files(one, [tmp_path / "in.kept.parquet"], tmp_path / "last.parquet", score)
    assert np.array_equal(read_parquet(tmp_path / "last.parquet").columns[B0], direct[B0])
    with pytest.raises(InputError, match="hepsets_score_hadronic_b0 already"):
        filter_files(one, [tmp_path / "scored.parquet"], tmp_path / "again.parquet", score)

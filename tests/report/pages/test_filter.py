import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.evaluate.filter.summary import FilterSummary
from hepsets.report.page import cell_text
from hepsets.report.pages.filter import write_filter_page

RULES = {"hadronic_b0": "p of hadronic_b0", "jpsi": "p of jpsi"}


def summary(unbiased: bool = True) -> FilterSummary:
    filled = FilterSummary.of(["hadronic_b0", "jpsi"], unbiased=unbiased)
    rng = np.random.default_rng(2)
    p = rng.random((50, 2))
    weights = np.where(rng.random((50, 1)) < p, 1 / p, 0.0)
    filled.add(p, p, weights, (weights > 0).any(axis=1))
    return filled


def page(tmp_path, content: FilterSummary) -> str:
    write_filter_page(tmp_path / "page.html", content, {"mode": "importance", "seed": "1"}, RULES)
    return " ".join((tmp_path / "page.html").read_text().split())


def test_the_page_shows_every_skim_and_what_the_command_said(tmp_path):
    content = summary()
    text = page(tmp_path, content)
    for skim in content.skims:
        assert f"p of {skim.name}" in text
        assert f"sum of weights {skim.sum_weights:.1f}" in text
        assert cell_text(skim.mean_weight) in text
    assert f"{content.kept} of 50 generated events" in text
    assert "within the domain" in text
    assert "<!-- simulation -->" in text  # over the figure


def test_strange_events_are_listed_by_reason_and_particle(tmp_path):
    content = summary()
    content.outside = 2
    content.reasons.update({"a particle that training never saw": 2})
    content.unknown_ids.update({9_900_441: 1, 23: 1})
    text = page(tmp_path, content)
    assert "a particle that training never saw" in text
    assert "9900441" in text
    assert "Z0" in text
    content.unknown_ids.update(dict.fromkeys(range(1000, 1100), 1))
    assert "and 52 more" in page(tmp_path, content)


def test_the_page_tells_what_the_shared_random_number_saves(tmp_path):
    content = summary()
    assert content.kept < content.independent < content.read
    assert f"{100 * content.independent / 50:.2f} %" in page(tmp_path, content)


def test_events_that_came_twice_are_told(tmp_path):
    content = summary()
    assert "equal to earlier ones" not in page(tmp_path, content)
    content.doubled = 3
    assert "Events equal to earlier ones, in number and content: 3" in page(tmp_path, content)


def test_where_all_events_go_on_no_bias_and_no_chance_is_mentioned(tmp_path):
    content = FilterSummary.of(["hadronic_b0"])
    ones = np.ones((20, 1))
    content.add(ones / 2, ones, ones, np.ones(20, dtype=bool))
    text = page(tmp_path, content)
    assert "All 20 generated events go on" in text
    assert "undo" not in text


def test_a_biased_mode_is_called_so(tmp_path):
    assert "distributions are biased" in page(tmp_path, summary(unbiased=False))
    assert "distributions are biased" not in page(tmp_path, summary())


def test_a_page_needs_its_folder(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        write_filter_page(tmp_path / "no" / "page.html", summary(), {}, RULES)

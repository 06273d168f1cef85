"""What is no run with results of this version is refused where its report shall be drawn again."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace

import pytest

from hepsets.analyses.report import page_of, redraw, report
from hepsets.core.errors import InputError
from hepsets.report.page import Page, Section


@dataclasses.dataclass(frozen=True)
class Found:
    """What a tiny analysis finds."""

    number: float


@dataclasses.dataclass(frozen=True)
class Size:
    """Its configuration."""

    scale: str
    seed: int


def page(result, figures):
    return Page("A number", f"It is {result.number}.", (Section("Number", ("Alone.",)),))


ANALYSIS = SimpleNamespace(Result=Found, make_page=page)


@pytest.fixture
def run(tmp_path):
    (tmp_path / "result.json").write_text(json.dumps({"analysis": "number"}))
    report(Found(0.1), page, tmp_path)
    return tmp_path


def test_the_page_shows_what_was_kept(run):
    before = (run / "report.html").read_text()
    assert "It is 0.1." in before
    (run / "report.html").unlink()
    asked = []

    def analysis(name):
        asked.append(name)
        return ANALYSIS

    assert redraw(run, analysis).read_text() == before
    assert asked == ["number"]


def test_an_analysis_that_says_no_more_has_its_name_and_question_above_its_sections():
    plain = SimpleNamespace(
        name="number",
        question="Which number?",
        sections=lambda result, figures: [Section("Number", (f"It is {result.number}.",))],
    )
    result = SimpleNamespace(number=3, config=Size("quick", 1))
    made = page_of(plain)(result, None)
    assert (made.title, made.summary) == ("Number", "Which number?")
    assert made.facts == (("scale", "quick"), ("seed", "1"))
    assert [section.title for section in made.sections] == ["Number", "Configuration"]


def test_a_run_of_an_older_version_is_refused(run):
    (run / "report.json").unlink()
    with pytest.raises(InputError, match=r"older version, without report.json; .*; repeat it"):
        redraw(run, lambda _: ANALYSIS)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="the folder of a finished run"):
        redraw(tmp_path, lambda _: ANALYSIS)

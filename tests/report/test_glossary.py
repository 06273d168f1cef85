"""Terms of the field are explained on the page, in the words of the documentation."""

import re

import pytest
from helpers.house import ROOT
from markupsafe import Markup, escape

from hepsets.report.glossary import MEANINGS, Terms
from hepsets.report.page import Page, Section, render

GLOSSARY = re.sub(r"\s+", " ", (ROOT / "docs" / "glossary.md").read_text().replace("**", ""))


@pytest.mark.parametrize("term", MEANINGS)
def test_the_page_explains_terms_as_the_documentation_does(term):
    assert MEANINGS[term] in GLOSSARY
    assert term.lower() in GLOSSARY.lower()


def test_a_term_is_linked_where_it_is_met_first_and_in_its_plural_too():
    terms = Terms()
    text = terms.explained(escape("Skims, then a skim; pulls & what the pullover hides; AUC₁"))
    assert re.sub(r"<[^>]+>", "", text) == "Skims, then a skim; pulls &amp; what the pullover hides; AUC₁"
    assert re.findall(r">(\w+)</a>", text) == ["Skims", "pulls"]
    assert [term for _, term, _ in terms.listing()] == ["pull", "skim"]


def test_code_and_entities_are_left_alone():
    text = Markup("<p><code>skim</code> &pull; x</p>")
    assert Terms().explained(text) == text


def test_the_page_lists_the_terms_that_it_uses_and_no_others():
    words = "Effective events after Kish. The pull has unit width. <i>skim</i>"
    html = render(Page("T", "No <b>skim</b> here", (Section("One", (words, words)),)))
    assert set(re.findall(r'id="term-([\w-]+)"', html)) == {"kish", "pull", "skim"}
    assert set(re.findall(r'href="#term-([\w-]+)"', html)) == {"kish", "pull", "skim"}
    assert html.count('href="#term-') == 3
    assert f'title="{MEANINGS["skim"]}"' in html
    assert "&lt;b&gt;" in html


def test_a_page_without_such_terms_has_no_list():
    assert "<footer>" not in render(Page("T", "Nothing to explain", (Section("One", ("Text",)),)))

"""Terms of the field that a report explains: a tooltip where one is met first, and a list at its end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from markupsafe import Markup, escape

MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "skim": "a loose selection that a group of analyses starts from.",
        "retention": "the share of events that pass",
        "sideband": "a region beside the peak, where there is background alone.",
        "sculpting": (
            "a cut on a score makes background look like signal in a variable that the fit uses later, "
            "such as Mbc."
        ),
        "Kish": "(Σw)² / Σw²: as many unweighted events would have the same relative error (Kish 1965).",
        "speedup": (
            "computing time without the filter over that with it, for the same number of effective events"
        ),
        "importance sampling": (
            "events are kept with a probability p of their own and get the weight 1/p: no bias, but a larger "
            "spread."
        ),
        "AUC": (
            "area under the curve of signal efficiency against background efficiency; 0.5 for guessing, "
            "1 for perfect."
        ),
        "coverage": "how often an interval of 68 % holds the truth; it should be 68 %.",
        "pull": (
            "(estimate − truth)/error, over many toys: mean 0 and width 1 if the estimate has no bias and "
            "its error is right. In the figure of a fit: (events − fit)/error, bin by bin."
        ),
        "sWeights": (
            "weights that leave the signal's distribution of another variable than the one that was fitted."
        ),
        "Cramér–Rao bound": (
            "no unbiased estimate from so many events can scatter less: 1/√(Fisher information)."
        ),
    }
)
"""What each term means, in the words of the documentation's glossary."""

_PARTS = re.compile(r"<code>.*?</code>|&[#\w]+;", re.DOTALL)
_TERM = re.compile(
    "|".join(rf"(?<!\w){re.escape(term)}s?(?![\w₀-₉])" for term in sorted(MEANINGS, key=len, reverse=True)),
    re.IGNORECASE,
)
_BY_NAME = {term.lower(): term for term in MEANINGS}


class Terms:
    """The terms that a page has met so far, in order."""

    def __init__(self) -> None:
        self.met: list[str] = []

    def explained(self, html: Markup) -> Markup:
        """The same text, with every term that is met for the first time linked to what it means.

        Parameters
        ----------
        html
            Escaped text, in which there is no markup but ``<p>`` and ``<code>``; code is left alone.
        """
        pieces, end = [], 0
        for part in _PARTS.finditer(html):
            pieces += [_TERM.sub(self._linked, html[end : part.start()]), part.group()]
            end = part.end()
        return Markup("".join([*pieces, _TERM.sub(self._linked, html[end:])]))

    def listing(self) -> list[tuple[str, str, str]]:
        """Anchor, term and meaning of all that were met."""
        return [(_anchor(term), term, MEANINGS[term]) for term in sorted(self.met, key=str.lower)]

    def _linked(self, match: re.Match[str]) -> str:
        found = match.group()
        term = _BY_NAME.get(found.lower()) or _BY_NAME[found[:-1].lower()]
        if term in self.met:
            return found
        self.met.append(term)
        return f'<a class="term" href="#{_anchor(term)}" title="{escape(MEANINGS[term])}">{found}</a>'


def _anchor(term: str) -> str:
    return "term-" + re.sub(r"[^a-z0-9]+", "-", term.lower())

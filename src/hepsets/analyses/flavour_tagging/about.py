"""What flavour tagging is called, asks and compares; cheap to import."""

from __future__ import annotations

TREES = "category_trees"
"""Boosted trees for each category of particles, and one that combines them."""

DEEP_SETS = "deep_sets"
"""Deep Sets on all tracks and clusters."""

ALONE = "votes_alone"
"""Our model without messages: each track votes alone."""

OURS = "charge_votes"
"""Our own model: tracks vote for their charges, knowing of all others."""

TRUNK_MODEL = "particle_encoder"
"""The model that starts from a trunk, if a run is given one."""

name = "flavour-tagging"
question = "By all that the detector saw beside the signal, was the other B a B⁰ or a B̄⁰?"
MODELS = (TREES, DEEP_SETS, ALONE, OURS)

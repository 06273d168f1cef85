"""Candidates from tracks and clusters: combination, quality, truth, and the rest of the event."""

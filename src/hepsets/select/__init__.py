"""Selections: candidates, skims, event shapes, cuts and splits."""

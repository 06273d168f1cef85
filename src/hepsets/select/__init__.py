"""Selections: candidates, skims, cuts, and the variables of events and candidates."""

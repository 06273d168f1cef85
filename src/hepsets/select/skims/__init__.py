"""Skims: which events pass, one file each, and their registry."""

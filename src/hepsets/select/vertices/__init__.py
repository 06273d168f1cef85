"""Vertices of reconstructed tracks: fits, the primary, V0s, displaced ones, and whole events of them."""

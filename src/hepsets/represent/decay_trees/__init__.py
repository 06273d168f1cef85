"""Decay trees of events, as networks take them."""

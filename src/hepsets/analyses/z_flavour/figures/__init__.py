"""Figures that only the Z flavour analysis draws."""

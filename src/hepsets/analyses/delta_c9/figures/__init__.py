"""Figures that only the ΔC9 analysis draws."""

"""Figures that only the analysis of turned images draws."""

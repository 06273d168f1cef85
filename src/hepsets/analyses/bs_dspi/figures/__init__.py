"""Figures that only the analysis of B_s → D_sπ draws."""

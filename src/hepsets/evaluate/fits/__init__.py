"""Fits of mass spectra: yields, means and widths with errors, toys that test them, weights that unfold."""

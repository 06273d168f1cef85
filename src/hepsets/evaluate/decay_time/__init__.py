"""Decay times of tagged B mesons: oscillation frequency, its bound, toys that test the fit, acceptance."""

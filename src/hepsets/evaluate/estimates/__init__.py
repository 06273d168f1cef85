"""Estimates of a number from sets of events: spread, coverage, bounds, and whether events fit the model."""

"""Estimates of a parameter from sets of events: spread, coverage, bounds, and whether events fit the
model.
"""

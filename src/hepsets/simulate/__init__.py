"""Parametric detectors: event tables to reconstructed tracks and clusters."""

"""Reconstructed events with vertices as numbers: of particles, of vertices, of events."""

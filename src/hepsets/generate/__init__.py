"""Event generation: beams, processes and decays to event tables."""

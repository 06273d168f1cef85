"""Representations that models take: packed batches, decay graphs, scalers."""

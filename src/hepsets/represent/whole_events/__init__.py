"""Features of all tracks and clusters of an event as packed tensors."""

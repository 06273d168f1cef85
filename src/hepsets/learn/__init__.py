"""Models and the one training loop."""

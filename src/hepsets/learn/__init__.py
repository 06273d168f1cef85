"""Networks on events, their registry and files, and the one training loop."""

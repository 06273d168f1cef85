"""Studies beside the main comparison, each run when asked for."""

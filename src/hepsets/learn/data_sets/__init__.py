"""Models that estimate one number from a set of events."""

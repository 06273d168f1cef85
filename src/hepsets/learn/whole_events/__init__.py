"""Models of all tracks and clusters that a detector saw of an event."""

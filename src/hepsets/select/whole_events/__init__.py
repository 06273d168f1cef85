"""All that a detector saw of an event as one set of tracks and clusters, with one B taken out or without."""

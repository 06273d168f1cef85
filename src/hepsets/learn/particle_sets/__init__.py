"""Models of events as several sets of particles."""

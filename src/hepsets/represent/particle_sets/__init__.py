"""Several sets of particles per event, as networks take them."""

"""Beauty in p p collisions at the LHC: parton events hadronised again and again, and forced decays."""

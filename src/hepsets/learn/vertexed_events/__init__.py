"""Models of reconstructed events with vertices, or of their hemispheres: flavour taggers."""

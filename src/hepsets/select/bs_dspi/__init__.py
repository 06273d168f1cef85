"""B_s → D_sπ candidates out of tracks: vertices, masses, flights, isolation, samples, yields."""

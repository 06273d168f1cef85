"""Images for networks: turned by any angle, split by purpose, and events seen along the beam."""

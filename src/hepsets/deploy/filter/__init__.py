"""Filters of generated events: their file, their card, and running them on files or in basf2."""

"""Layers that networks of several rooms share."""

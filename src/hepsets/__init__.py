"""hepsets: learning on the sets that particle collisions make."""

from importlib.metadata import version

__version__ = version("hepsets")

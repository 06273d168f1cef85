"""Models, a room for each kind of input; their layers, their files, and how they are trained."""

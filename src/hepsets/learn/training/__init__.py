"""One training loop for every kind of task, and what it needs."""

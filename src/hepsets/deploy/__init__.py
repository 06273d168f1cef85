"""Models in the forms that production takes."""

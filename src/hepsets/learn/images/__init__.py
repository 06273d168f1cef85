"""Models of images, among them those that turns of the image do not change."""

"""Models of events as decay trees."""

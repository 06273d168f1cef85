"""Variables of events and candidates, by their definitions in the field."""

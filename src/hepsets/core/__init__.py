"""What everything stands on: the event table and its files, configuration, runs, registries, numbers."""

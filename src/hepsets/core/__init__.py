"""The event table, its files, the configuration and the run folder."""

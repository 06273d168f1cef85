"""The analyses, a folder each: its question, config, run in physics order, and report."""

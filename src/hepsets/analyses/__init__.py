"""One module per analysis: its config, and run() in physics order."""

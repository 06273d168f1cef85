"""One encoder of events for many tasks: trained once on generic events, then with few labels for each."""

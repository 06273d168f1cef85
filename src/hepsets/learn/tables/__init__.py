"""Models of tables: one row per event or candidate."""

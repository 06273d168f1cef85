"""The command hepsets."""

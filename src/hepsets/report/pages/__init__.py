"""Pages of single commands, each drawn from what the command found."""

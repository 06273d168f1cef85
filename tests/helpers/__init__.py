"""What tests share: toys, naive references, tiny runs, and ways to call the command."""

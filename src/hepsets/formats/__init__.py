"""Foreign files, read into our tables and written back."""

"""What a network sees: features and their scales, and batches of each kind of input without padding."""

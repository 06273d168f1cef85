"""What a network sees: features, tokens and decay trees of packed events."""

"""What a trained model is worth: its scores, a filter made of it, or what it estimates."""

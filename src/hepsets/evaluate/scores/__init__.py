"""Scores of any classifier: how well they separate, whether they are calibrated, what moves them."""

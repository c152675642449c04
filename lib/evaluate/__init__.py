"""Predictions, their accuracy, its intervals, and scores that are kept."""

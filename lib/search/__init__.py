"""Searches: sub-kernels (CAKES) and the training schedule (Optimization Planning)."""

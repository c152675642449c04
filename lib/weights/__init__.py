"""Weights: published files, our own safetensors, 2D nets, and the start of a fine-tuning."""

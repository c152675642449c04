"""Clocks: ops, nets, the loader, a GPU."""

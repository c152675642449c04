"""Which sub-kernel every channel gets: the search (CAKES), its nets, and deals of equal cost to compare with."""

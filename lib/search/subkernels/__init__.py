"""CAKES: the search for the sub-kernel of every channel, the nets it needs, and deals of equal cost to compare with."""

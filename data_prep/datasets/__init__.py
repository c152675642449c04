"""One file each: from what you download to a manifest."""

"""Tables of uids: images that a split may use, and excluded images."""

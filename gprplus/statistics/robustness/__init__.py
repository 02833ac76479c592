"""Whether effects hold: over targets, without each of them, and on another scale."""

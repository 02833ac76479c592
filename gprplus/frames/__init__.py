"""Whole frames with annotations become crops of one person each: the room before ingest."""

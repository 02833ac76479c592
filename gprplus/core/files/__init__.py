"""Files and folders: atomic writes, locks, owned folders, JSON, paths."""

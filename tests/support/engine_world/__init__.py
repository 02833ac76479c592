"""One small world of walking people, and a writer for the native files of each engine."""

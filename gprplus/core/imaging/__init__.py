"""Image files: headers, decoding, run-length masks."""

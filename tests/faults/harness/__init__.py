"""The fault harness: a small world, seeded mutations of its inputs, and a server that runs one
command per fork."""

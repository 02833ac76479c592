"""Sources of evidence on which cells to render: distances, effects, failures, holes."""

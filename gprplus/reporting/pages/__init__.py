"""Pages: HTML and Markdown of runs and studies."""

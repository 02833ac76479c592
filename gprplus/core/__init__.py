"""What every package may use: safe names, owned folders, JSON files and typed reading. Nothing here knows a stage."""

"""The forms of an export: one module plans the files of each."""

"""The GTA V generator: its log, its repeated weather pass, and its raw output under published
names.

- `log`: the lines.
- `log_segments`: segments of lines by identity.
- `match_log`: columns from the log.
- `repeated_pass`: images that repeat others.
- `rename_options`: options of renaming.
- `rename_plan`: published names of raw images.
- `rename_options`: options of the renaming.
- `rename`: writes images under published names.
"""

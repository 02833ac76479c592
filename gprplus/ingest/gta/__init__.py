"""The GTA V generator: its log, its doubled weather pass, and its raw output under published names.

- `log`: the lines.
- `log_segments`: which lines show which person.
- `match_log`: what the log adds to a dataset.
- `repeated_pass`: takes that repeat another.
- `rename_plan`: what raw images would be called.
- `rename`: writes them so.
"""

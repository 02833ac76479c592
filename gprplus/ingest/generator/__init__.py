"""The GTA V generator: its log, its doubled weather pass, and its raw output under published names.

log: the lines. captures: which lines show which person. join: what the log adds to a dataset. doubles: takes that
repeat another. plan: what raw images would be called. publish: writes them so.
"""

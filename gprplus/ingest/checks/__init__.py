"""Checks of images: scores and flags as columns of the manifest. One module a family; `stage` runs them.

columns: what is added to the tables. base: the registry. look: one half-size grey decode a file. memory: looks that
were taken before. hamming: look-alikes among millions of hashes. pixels, sizes, duplicates, identity: the checks.
known: all of them. issues: what they found, the worst first. pictures: the worst, to be drawn.
"""

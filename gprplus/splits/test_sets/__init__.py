"""Test sets: queries and gallery, tests of single levels, targets."""

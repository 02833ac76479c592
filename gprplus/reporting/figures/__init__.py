"""Figures: plots, contact sheets, sample images, example rankings."""

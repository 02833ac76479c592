"""Cropping of native engine output: scenes are scanned, their frames cut, and the crops tabled."""

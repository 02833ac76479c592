"""Checks of single images: decoding and visible content.

Thresholds and formulas are those of cleanvision (0.3.7, issue_managers/image_property.py) unless a
comment gives a reason, so that scores are comparable; cleanvision weights colors and decodes
complete images, these checks use gray and half size.
"""

import numpy as np

from gprplus.ingest.checks.registry import CheckInput, check

_PER_LEVEL = 0.01  # cleanvision's normalizing_factor of blurriness
_FLAT = 0.03  # of contrast, 0 to 0.5: below the threshold of the contrast check


@check("decode", threshold=1.0)
def undecodable(rows: CheckInput) -> np.ndarray:
    """Return 1 for a complete file of a known format that decodes; 0.5 if the decoder printed a
    warning, because damage inside still leaves an image; else 0.
    """
    return rows.measurements.decoded - 0.5 * rows.measurements.damaged


@check("dark", threshold=0.32)
def dark(rows: CheckInput) -> np.ndarray:
    """The 99th percentile of grey: in a dark image even the brightest pixels are dark."""
    return rows.measurements.measure("dark")


@check("light", threshold=0.05)
def light(rows: CheckInput) -> np.ndarray:
    """Return one minus the 5th percentile of gray: in an overexposed image even the darkest pixels
    are bright."""
    return 1 - rows.measurements.measure("light")


@check("contrast", threshold=0.06)
def contrast(rows: CheckInput) -> np.ndarray:
    """The standard deviation of grey over the greatest there can be; below 0.06 it is less than
    eight grey levels."""
    return np.minimum(2 * rows.measurements.measure("contrast"), 1)


@check("sharpness", threshold=0.15, per_level=_PER_LEVEL)
def sharpness(rows: CheckInput) -> np.ndarray:
    """1 - exp(-edges / 100), edges as a standard deviation in grey levels at about 64 pixels; 1
    without contrast, for a black image is dark and without information, but nothing in it is
    blurred.

    Not cleanvision's threshold of 0.29: its edges have the image's border among them. Of renders in
    seven weathers the foggiest score 0.19; blurred by a twenty-fifth of their width they fall below
    0.15.
    """
    edges = 1 - np.exp(-_PER_LEVEL * rows.measurements.measure("sharpness"))
    return np.where(rows.measurements.measure("contrast") < _FLAT, 1, edges)


# cleanvision flags 3 bits over the joint histogram of three channels; where they are alike, log2(3)
# of that is which channel it is, and the rest are 1.42 of grey's 8 bits.
@check("information", threshold=0.18)
def information(rows: CheckInput) -> np.ndarray:
    """The entropy of grey over its 8 bits."""
    return np.minimum(rows.measurements.measure("entropy") / 8, 1)

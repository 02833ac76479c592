"""Colours by name: what a colour level may look like, skin, hair, leather. All sRGB as #rrggbb;
shading works on linear light.
"""

import numpy as np

# Several hues a level: people share a level far more often than a hue.
CLOTHES: dict[str, tuple[str, ...]] = {
    "black": ("#17171a", "#1d1f26", "#221f1e", "#141a20"),
    "white": ("#e8e6e1", "#dfe3e8", "#efe9dc", "#d9dad7"),
    "red": ("#a3202a", "#c23b34", "#7d1a2b", "#b8404f"),
    "purple": ("#5b3a78", "#7b5694", "#48295c", "#8a6da8"),
    "gray": ("#74777b", "#8d8b87", "#575c63", "#9aa0a4"),
    "yellow": ("#d3a92f", "#dcc25a", "#c08a1e", "#d9cf86"),
    "blue": ("#27457e", "#3d6aa5", "#1d2f57", "#6a92bd", "#31526b"),
    "green": ("#2f5d3a", "#56793f", "#234a41", "#7f9a63"),
    "brown": ("#5e4028", "#7b5a3c", "#46301f", "#9a7a55"),
}
SKIN = ("#e6bb9c", "#dba985", "#cb946d", "#b87f57", "#94603d", "#6f452b", "#4b2f20")
HAIR = ("#15120f", "#2a1c13", "#48301c", "#6d4a29", "#9b7340", "#c29c60", "#7a3b20")
GREY_HAIR = ("#8f8d8a", "#b9b7b3", "#6d6a67", "#d2d0cb")
SHOES = {
    "dark": ("#1a1817", "#33241a", "#20242c", "#3a3b3d", "#4a2a1c"),
    "light": ("#e4e2dd", "#c9c5bd", "#d8c7a8", "#c6cdd6", "#dcb9b4"),
}
BAG = (
    "#1f1f22",
    "#5a3b22",
    "#7a1f24",
    "#27406b",
    "#4c5a3a",
    "#8a8c8f",
    "#b58b52",
    "#c9a3ad",
    "#d8d4c8",
)
HAT = ("#1b1b1e", "#2b3d63", "#7c2326", "#6f7275", "#b9a98a", "#e0ddd6", "#3f5140", "#553a26")


def to_linear(colour: str) -> np.ndarray:
    """'#rrggbb' (sRGB) as linear light, `(3,) float64` in [0, 1] (IEC 61966-2-1).

    >>> to_linear("#ffffff").tolist()
    [1.0, 1.0, 1.0]
    """
    value = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def vary_colour(colour: np.ndarray, lightness: float, warmth: float) -> np.ndarray:
    """The colour a little lighter or darker, warmer or cooler; both in about [-1, 1]."""
    shift = np.array([1 + 0.10 * warmth, 1.0, 1 - 0.10 * warmth])
    return np.clip(colour * (1 + 0.22 * lightness) * shift, 0.004, 0.95)

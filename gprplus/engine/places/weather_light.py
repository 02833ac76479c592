"""The light of an hour and what a weather makes of it.

An hour sets the key light (sun, moon or street lamp), the colours of the sky and the exposure; a
weather dims, greys and veils them. Radiances are linear and relative: after exposure, 1 is bright.
"""

from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace
from typing import Any

import numpy as np

HOURS = ("midnight", "dawn", "forenoon", "noon", "afternoon", "dusk", "night")
WEATHERS = ("sunny", "clouds", "overcast", "foggy", "neutral", "blizzard", "snowlight")
# Emissive layers, in the order that the coefficients of a cell have: see layers.Layers.glow.
GLOWS = ("horizon", "zenith", "cloud", "halo", "windows", "lamps", "stars")

Colour = tuple[float, float, float]

CEILING: Colour = (
    0.80,
    0.77,
    0.71,
)  # light of the lamps of a mall, in the unit of Hour.sky after exposure
INDOOR_SKY = 0.42  # share of the skylight that comes through its glass


@dataclass(frozen=True)
class HourLight:
    """`azimuth` is measured from +x (the person's right) towards +y (the front); a lamp is `lamp`
    meters away, 0 for sun and moon.
    """

    azimuth: float
    elevation: float
    key: Colour
    sky: Colour
    bounce: float
    horizon: Colour
    zenith: Colour
    halo: Colour
    windows: float
    lamps: float
    stars: float
    exposure: float
    grain: float
    lamp: float = 0.0
    mist: float = 0.0


@dataclass(frozen=True)
class WeatherLight:
    """`key` and `sky` dim direct light and skylight; `grey` washes the sky out; `cover` is cloud;
    `haze` is per metre; `snow` picks the state of the ground (0 dry, 1 dusted, 2 deep); `particles`
    names what falls.
    """

    key: float
    sky: float
    grey: float
    tint: Colour
    cover: float
    haze: float
    veil: float
    saturation: float
    snow: int = 0
    particles: str = ""


HOUR: dict[str, HourLight] = {
    "midnight": HourLight(58, 50, (0.34, 0.43, 0.78), (0.064, 0.098, 0.225), 0.4, (0.022, 0.04, 0.11),
                 (0.006, 0.012, 0.042),
                     (0.0, 0.0, 0.0), 0.10, 0.8, 1.0, 0.82, 0.030, lamp=5.2),
    "dawn": HourLight(12, 9, (1.25, 0.66, 0.58), (0.38, 0.46, 0.72), 0.5, (1.02, 0.70, 0.72), (0.26, 0.38, 0.78),
                 (0.80, 0.36, 0.24), 0.35, 0.20, 0.0, 0.92, 0.010, mist=0.008),
    "forenoon": HourLight(48, 38, (2.45, 2.20, 1.75), (0.50, 0.62, 0.84), 0.9, (0.86, 1.02, 1.20), (0.22, 0.48, 1.05),
                     (0.50, 0.42, 0.30), 0.0, 0.0, 0.0, 0.96, 0.005),
    "noon": HourLight(76, 68, (3.25, 3.08, 2.72), (0.54, 0.64, 0.80), 1.1, (0.98, 1.10, 1.22), (0.16, 0.44, 1.10),
                 (0.30, 0.28, 0.22), 0.0, 0.0, 0.0, 1.02, 0.004),
    "afternoon": HourLight(136, 22, (2.75, 1.84, 0.84), (0.44, 0.46, 0.55), 0.8, (1.25, 1.00, 0.66), (0.30, 0.46, 0.80),
                      (0.90, 0.62, 0.28), 0.0, 0.0, 0.0, 0.92, 0.005),
    "dusk": HourLight(164, 7, (2.10, 0.72, 0.18), (0.40, 0.25, 0.29), 0.5, (1.60, 0.58, 0.20), (0.24, 0.15, 0.40),
                 (1.50, 0.50, 0.12), 0.75, 0.8, 0.0, 1.06, 0.012),
    "night": HourLight(58, 46, (1.45, 0.98, 0.52), (0.120, 0.118, 0.165), 0.6, (0.10, 0.085, 0.12),
                 (0.018, 0.024, 0.060),
                  (0.0, 0.0, 0.0), 1.0, 1.5, 0.25, 0.72, 0.022, lamp=4.6),
}  # fmt: skip

SCATTERED = (
    0.08  # share of a lamp's light that comes from all sides where the sun casts the shadows
)


def _half_way(first: HourLight, second: HourLight) -> HourLight:
    """Return the light half way between two hours. Of a lamp and the sun, the sun gives direction
    and shadows; the light of the lamp then comes from all sides."""
    pairs = zip(astuple(first), astuple(second), strict=True)
    mean = HourLight(*(_mean(*pair) for pair in pairs))
    if bool(first.lamp) == bool(second.lamp):
        return mean
    sun, lamp = (second, first) if first.lamp else (first, second)
    red, green, blue = np.array(mean.sky) + SCATTERED * np.array(lamp.key)
    return replace(
        mean,
        azimuth=sun.azimuth,
        elevation=sun.elevation,
        lamp=0.0,
        sky=(float(red), float(green), float(blue)),
    )


def _mean(one: Any, other: Any) -> Any:
    """Return the mean of two numbers or two colours."""
    if isinstance(one, tuple):
        return tuple(map(_mean, one, other))
    return (one + other) / 2


# Lights between neighbouring hours, which only a plan requests: their names, in order.
MIDPOINTS = tuple(f"{a}-{b}" for a, b in zip(HOURS, (*HOURS[1:], HOURS[0]), strict=True))
HOUR |= {name: _half_way(*(HOUR[hour] for hour in name.split("-"))) for name in MIDPOINTS}

WEATHER: dict[str, WeatherLight] = {
    "sunny": WeatherLight(1.0, 0.92, 0.0, (1.0, 1.0, 1.0), 0.0, 0.0006, 0.10, 1.10),
    "clouds": WeatherLight(0.50, 1.10, 0.25, (0.98, 1.0, 1.03), 1.0, 0.0012, 0.10, 0.96),
    "overcast": WeatherLight(0.03, 1.15, 0.92, (1.03, 0.99, 0.88), 0.25, 0.0080, 0.55, 0.74),
    "foggy": WeatherLight(0.02, 1.35, 1.0, (0.98, 1.0, 1.02), 0.0, 0.066, 1.0, 0.72),
    "neutral": WeatherLight(0.28, 1.25, 0.70, (1.0, 1.0, 1.0), 0.10, 0.0020, 0.25, 0.84),
    "blizzard": WeatherLight(
        0.03, 1.45, 1.0, (0.93, 0.98, 1.08), 0.0, 0.052, 1.0, 0.64, 2, "blizzard"
    ),
    "snowlight": WeatherLight(
        0.30, 1.20, 0.80, (0.97, 0.99, 1.04), 0.35, 0.0075, 0.50, 0.84, 1, "flakes"
    ),
}


@dataclass(frozen=True)
class LightingCell:
    """Coefficients of one (weather, hour): all linear, exposure included. `light` (3, 3): red,
    green, blue rows; sky, bounce, key columns. `glow` (3, len(GLOWS)). `fog` (3,).
    """

    light: np.ndarray
    glow: np.ndarray
    fog: np.ndarray
    saturation: float
    grain: float
    snow: int
    particles: str
    flake: np.ndarray


def sun_direction(hour: str) -> np.ndarray:
    """Unit vector towards the key light of an hour."""
    turn, rise = np.radians(HOUR[hour].azimuth), np.radians(HOUR[hour].elevation)
    return np.array([np.cos(rise) * np.cos(turn), np.cos(rise) * np.sin(turn), np.sin(rise)])


def towards(hour: str, x: float, y: float) -> np.ndarray:
    """Return the unit vector towards the key light of an hour from the center of a person at (x, y)
    meters."""
    lamp = HOUR[hour].lamp
    if not lamp:
        return sun_direction(hour)
    way = sun_direction(hour) * lamp - [x, y, 0.0]
    return way / np.linalg.norm(way)


def haze_per_m(weather: str, hour: str, indoors: bool = False) -> float:
    """Extinction per metre; there is none under a roof."""
    return 0.0 if indoors else WEATHER[weather].haze + HOUR[hour].mist


def ground_states(weathers: Iterable[str], indoors: bool = False) -> set[int]:
    """States of the ground in some weathers (see Weather.snow): under a roof it stays dry."""
    return {0} if indoors else {WEATHER[weather].snow for weather in weathers}


def lighting_cell(weather: str, hour: str, indoors: bool = False) -> LightingCell:
    """Return the light of an hour under a weather; `indoors` is the share that remains under a roof
    with lamps."""
    outside = _outside(weather, hour)
    return _inside(outside, hour) if indoors else outside


def _outside(weather: str, hour: str) -> LightingCell:
    w, h = WEATHER[weather], HOUR[hour]
    tint = np.array(w.tint)
    key = np.array(h.key)
    through = w.key if not h.lamp else 1 - 0.35 * (1 - w.key)  # a lamp shines under the clouds
    grey_key = _grey(key, 0.0 if h.lamp else 0.6 * w.grey)
    lost = (
        float(key.mean()) * (1 - w.key) * 0.16 if not h.lamp else 0.0
    )  # what the cloud scatters comes from the whole sky
    sky = (_grey(np.array(h.sky), 0.6 * w.grey) * w.sky + lost) * tint
    veil = (0.95 * sky + 0.20 * np.array(h.horizon) * tint) + 0.17 * (1 - w.key) * _grey(
        key, 0.25
    ) * tint
    if h.lamp:
        veil = sky * 0.9 + 0.045 * key
    horizon = (1 - w.grey) * np.array(h.horizon) + w.grey * veil
    zenith = (1 - w.grey) * np.array(h.zenith) + w.grey * (0.8 * veil)
    cloud = 0.8 * veil + 0.20 * key
    snow = (1.0, 1.15, 1.6)[w.snow]
    fog = 0.5 * horizon + 0.5 * veil
    bounce = (
        (0.16 * grey_key * through * np.sin(np.radians(h.elevation)) + 0.20 * sky) * h.bounce * snow
    )
    open_sky = 1 - 0.22 * w.cover * (1 - w.grey)
    dim = np.array([open_sky, open_sky, w.cover, 1 - w.grey, 1.0, 1.0, 1 - w.grey])
    amounts = np.stack(
        [
            horizon,
            zenith,
            cloud - 0.5 * (horizon + zenith),
            np.array(h.halo),
            h.windows * np.array([1.25, 0.86, 0.42]),
            h.lamps * np.array([1.5, 1.15, 0.72]),
            h.stars * np.array([0.7, 0.75, 0.9]),
        ],
        axis=1,
    )
    light = np.stack([sky * 0.92, bounce, grey_key * through], axis=1)
    return LightingCell(
        light=light * h.exposure,
        glow=amounts * dim * h.exposure,
        fog=fog * h.exposure,
        saturation=w.saturation,
        grain=h.grain,
        snow=w.snow,
        particles=w.particles,
        flake=np.minimum((sky * 1.5 + grey_key * through * 0.4 + 0.03) * h.exposure, 1.4),
    )


def _inside(outside: LightingCell, hour: str) -> LightingCell:
    """Ceiling lamps that burn all day, and what the glass lets in: a share of the sky, less of a
    low sun."""
    lamp = HOUR[hour].lamp > 0
    through = 0.9 if lamp else 0.55 * min(1.0, HOUR[hour].elevation / 38)
    light = outside.light * [INDOOR_SKY, INDOOR_SKY, through]
    light[:, 0] += np.array(CEILING) * (0.85 if lamp else 1.0)
    light[:, 1] += 0.34 * np.array(CEILING)
    glow = outside.glow.copy()
    glow[:, GLOWS.index("windows")] = np.array([0.95, 0.88, 0.76])
    glow[:, GLOWS.index("lamps")] = np.array([1.25, 1.25, 1.22])
    mild = 0.5 + 0.5 * outside.saturation
    return replace(
        outside, light=light, glow=glow, saturation=mild, grain=0.008, snow=0, particles=""
    )


def _grey(colour: np.ndarray, amount: float) -> np.ndarray:
    """The colour with a share of its hue gone, at the same luminance."""
    luminance = float(colour @ np.array([0.2126, 0.7152, 0.0722]))
    return colour * (1 - amount) + luminance * amount

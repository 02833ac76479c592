"""Domains: the same world through other cameras, with other people."""

from dataclasses import dataclass

from gprplus.core.errors import RenderError, did_you_mean
from gprplus.engine.places import indoor, outdoor


@dataclass(frozen=True)
class Domain:
    """Camera model of a domain. Lengths in meters.

    `span` is the height of the image in meters at the distance of the person; `shift` the maximum
    offset of a crop as a share of its size; `zoom` the maximum change of its size; `resolution` the
    sensor resolution as a share of the output size; `gain` the white balance (red, green, blue);
    `contrast` changes the tone curve, `grain` multiplies the noise of the hour, `vignette` darkens
    corners; `quality` is JPEG's. `scenes` are its places, in the order of their numbers.
    """

    name: str
    distance: float
    height: float
    aim: float
    span: float
    shift: float
    zoom: float
    resolution: float
    gain: tuple[float, float, float]
    saturation: float
    contrast: float
    exposure: float
    grain: float
    vignette: float
    quality: int
    scenes: tuple[str, ...] = tuple(outdoor.SCENES)
    indoors: bool = False


DOMAINS = {
    domain.name: domain
    for domain in (
        Domain(
            "engine",
            3.0,
            1.35,
            0.93,
            2.10,
            0.02,
            0.02,
            1.0,
            (1.0, 1.0, 1.0),
            1.0,
            1.0,
            1.0,
            1.0,
            0.0,
            90,
        ),
        Domain(
            "street",
            5.4,
            2.75,
            0.92,
            2.04,
            0.06,
            0.07,
            0.62,
            (1.07, 1.0, 0.90),
            0.80,
            1.18,
            0.92,
            2.2,
            0.28,
            72,
        ),
        Domain(
            "mall",
            4.0,
            2.05,
            0.94,
            2.30,
            0.05,
            0.10,
            0.78,
            (0.96, 1.0, 1.06),
            1.10,
            0.90,
            1.05,
            1.5,
            0.12,
            58,
            scenes=tuple(indoor.MALLS),
            indoors=True,
        ),
    )
}


def domain_named(name: str) -> Domain:
    """A domain by name; RenderError names the nearest one."""
    if name not in DOMAINS:
        raise RenderError(f"There is no domain called '{name}'. {did_you_mean(name, DOMAINS)}")
    return DOMAINS[name]

"""Render a gprplus plan with Blender: an example of a reader for other engines.

    blender --background --python tools/plan_in_blender.py -- plan.json OUTPUT [WIDTHxHEIGHT]
    python tools/plan_in_blender.py plan.json OUTPUT [WIDTHxHEIGHT]          # with bpy installed

plan.json is read with the standard library; Blender's Python needs nothing of gprplus. Each cell
becomes a camera, a sun, a sky and a haze, and each identity of the cell one image, whose name has
the form of `gprplus render --plan`, so that `gprplus build-manifest OUTPUT` reads the folder. What
to replace for a real dataset: `figure` draws a few ellipsoids in two colors, and there is one
place, an empty ground, whatever `background` a cell names. Images that are there are kept.
"""

import csv
import hashlib
import json
import math
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

DISTANCE_M, HEIGHT_M, AIM_M, SPAN_M = 3.0, 1.35, 0.93, 2.10  # the camera of the domain `engine`
SAMPLES = 24  # of Cycles, a pixel
PLACE = "blender"


class Light(NamedTuple):
    """Light of an hour: angles in degrees, colors linear, strengths in Blender's units."""

    azimuth: float
    elevation: float
    sun: tuple[float, float, float]
    sun_strength: float
    sky: tuple[float, float, float]
    sky_strength: float


class Air(NamedTuple):
    """What a weather makes of a light: shares of sun and sky, grey, haze per meter, snow."""

    sun: float
    sky: float
    grey: float
    haze: float
    snow: bool


# Sun angles are those of gprplus: azimuth from +x (right of the person) to +y (front).
LIGHTS = {
    "midnight": Light(58, 50, (0.45, 0.55, 1.0), 0.25, (0.03, 0.05, 0.14), 0.6),
    "dawn": Light(12, 9, (1.0, 0.62, 0.52), 1.8, (0.55, 0.50, 0.62), 0.7),
    "forenoon": Light(48, 38, (1.0, 0.93, 0.80), 3.2, (0.35, 0.55, 0.95), 0.9),
    "noon": Light(76, 68, (1.0, 0.97, 0.90), 3.8, (0.40, 0.60, 1.0), 1.0),
    "afternoon": Light(136, 22, (1.0, 0.75, 0.42), 3.0, (0.50, 0.58, 0.72), 0.8),
    "dusk": Light(164, 7, (1.0, 0.42, 0.16), 2.4, (0.60, 0.32, 0.26), 0.6),
    "night": Light(58, 46, (1.0, 0.72, 0.40), 0.8, (0.05, 0.05, 0.09), 0.6),
}
AIRS = {
    "sunny": Air(1.0, 1.0, 0.0, 0.0, False),
    "clouds": Air(0.5, 1.1, 0.4, 0.0, False),
    "overcast": Air(0.05, 1.2, 0.9, 0.005, False),
    "foggy": Air(0.05, 1.2, 1.0, 0.10, False),
    "neutral": Air(0.3, 1.2, 0.7, 0.0, False),
    "blizzard": Air(0.05, 1.4, 1.0, 0.07, True),
    "snowlight": Air(0.3, 1.2, 0.8, 0.01, True),
}
HOURS = list(LIGHTS)
CODES = [*HOURS, *(f"{a}-{b}" for a, b in zip(HOURS, [*HOURS[1:], HOURS[0]], strict=True))]
COLOURS = {
    "black": (0.02, 0.02, 0.02), "white": (0.80, 0.80, 0.80), "red": (0.50, 0.03, 0.03), "purple": (0.20, 0.04, 0.30),
    "gray": (0.20, 0.20, 0.20), "yellow": (0.70, 0.50, 0.05), "blue": (0.04, 0.10, 0.45), "green": (0.04, 0.25, 0.07),
    "brown": (0.15, 0.07, 0.03),
}  # fmt: skip


def mean(one: Any, other: Any) -> Any:
    """The mean of two numbers or of two tuples of numbers."""
    if isinstance(one, tuple):
        return tuple(mean(a, b) for a, b in zip(one, other, strict=True))
    return (one + other) / 2


def light_of(hour: str) -> Light:
    """The light of an hour; of two hours joined by a dash, the light half way."""
    first, _, second = hour.partition("-")
    return Light(*mean(tuple(LIGHTS[first]), tuple(LIGHTS[second]))) if second else LIGHTS[first]


def direction(azimuth: float, elevation: float) -> tuple[float, float, float]:
    """The unit vector towards a light."""
    turn, rise = math.radians(azimuth), math.radians(elevation)
    return (math.cos(rise) * math.cos(turn), math.cos(rise) * math.sin(turn), math.sin(rise))


def camera_at(viewpoint_deg: int, camera_height_m: float | None) -> tuple[float, float, float]:
    """The position of the camera: 90 is in front of the person (+y), 180 at the right hand (+x)."""
    turn = math.radians(viewpoint_deg)
    height = HEIGHT_M if camera_height_m is None else camera_height_m
    return (-math.cos(turn) * DISTANCE_M, math.sin(turn) * DISTANCE_M, height)


def image_path(cell: dict[str, Any], identity: str) -> str:
    """The path of an image, as `gprplus render --plan` names it; there is one place."""
    height = HEIGHT_M if cell.get("camera_height_m") is None else cell["camera_height_m"]
    weather = list(AIRS).index(cell["weather"]) + 1
    hour = CODES.index(cell["illumination"]) + 1
    camera = f"c{round(100 * height):03d}{cell['viewpoint_deg']:03d}"
    return f"{identity}/{identity}_{camera}_w{weather:02d}_l{hour:02d}_p01.jpg"


def looks_of(plan: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """The colors of the clothes by identity: those of the plan, else drawn by a hash of the name."""
    looks = {}
    for row in plan["identities"]:
        name = row["identity"]
        digest = hashlib.blake2b(name.encode()).digest()
        drawn = [list(COLOURS)[byte % len(COLOURS)] for byte in digest[:2]]
        looks[name] = (row.get("upper_colour") or drawn[0], row.get("lower_colour") or drawn[1])
    return looks


def renders_record(images: int, identities: int) -> dict[str, Any]:
    """The content of renders.json, which names the layout and the meaning of the codes."""
    return {
        "layout": "engine_plan",
        "name": "blender",
        "weather": {f"{code:02d}": name for code, name in enumerate(AIRS, 1)},
        "illumination": {f"{code:02d}": name for code, name in enumerate(CODES, 1)},
        "background": {"01": PLACE},
        "images": images,
        "identities": identities,
    }


def material(name: str, colour: tuple[float, float, float]) -> Any:
    """A matt material."""
    import bpy

    made = bpy.data.materials.new(name)
    made.use_nodes = True
    made.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (*colour, 1.0)
    made.node_tree.nodes["Principled BSDF"].inputs["Roughness"].default_value = 0.85
    return made


def ellipsoid(at: tuple[float, ...], radii: tuple[float, ...], paint: Any) -> None:
    """Add a smooth ellipsoid to the scene."""
    import bpy

    bpy.ops.mesh.primitive_uv_sphere_add(segments=24, ring_count=14, location=at, scale=radii)
    made = bpy.context.object
    bpy.ops.object.shade_smooth()
    made.data.materials.append(paint)


def figure(upper: str, lower: str) -> None:
    """A walking figure of 1.75 m at the origin that faces +y."""
    skin, hair = material("skin", (0.45, 0.25, 0.16)), material("hair", (0.03, 0.02, 0.01))
    top, legs = material("upper", COLOURS[upper]), material("lower", COLOURS[lower])
    ellipsoid((0, 0.01, 1.62), (0.085, 0.105, 0.125), skin)
    ellipsoid((0, -0.025, 1.66), (0.09, 0.10, 0.11), hair)
    ellipsoid((0, 0, 1.22), (0.20, 0.13, 0.33), top)
    ellipsoid((0, 0, 0.92), (0.17, 0.13, 0.14), legs)
    for side in (-1, 1):
        ellipsoid((0.23 * side, 0.07 * side, 1.18), (0.055, 0.075, 0.30), top)
        ellipsoid((0.24 * side, 0.10 * side, 0.84), (0.045, 0.05, 0.08), skin)
        ellipsoid((0.09 * side, -0.07 * side, 0.50), (0.085, 0.11, 0.46), legs)
        ellipsoid((0.09 * side, 0.04 - 0.11 * side, 0.05), (0.06, 0.14, 0.06), hair)


def empty_scene(size: tuple[int, int]) -> Any:
    """A scene without objects, drawn by Cycles on the CPU."""
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = SAMPLES, False
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.render.image_settings.file_format, scene.render.image_settings.quality = "JPEG", 90
    scene.world = bpy.data.worlds.new("sky")
    scene.world.use_nodes = True
    return scene


def set_camera(scene: Any, cell: dict[str, Any]) -> None:
    """Place the camera of a cell, aimed at the person."""
    import bpy
    import mathutils

    at = mathutils.Vector(camera_at(cell["viewpoint_deg"], cell.get("camera_height_m")))
    away = mathutils.Vector((0, 0, AIM_M)) - at
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.location, camera.rotation_mode = at, "QUATERNION"
    camera.rotation_quaternion = away.to_track_quat("-Z", "Y")
    camera.data.sensor_fit = "VERTICAL"
    camera.data.angle = 2 * math.atan(SPAN_M / 2 / away.length)
    scene.collection.objects.link(camera)
    scene.camera = camera


def set_light(scene: Any, hour: str, weather: str) -> None:
    """Set sun, sky, haze and ground of a cell."""
    import bpy
    import mathutils

    light, air = light_of(hour), AIRS[weather]
    sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
    sun.data.energy, sun.data.color = light.sun_strength * air.sun, light.sun
    sun.rotation_mode = "QUATERNION"
    towards = mathutils.Vector(direction(light.azimuth, light.elevation))
    sun.rotation_quaternion = towards.to_track_quat("Z", "Y")
    scene.collection.objects.link(sun)
    grey = sum(light.sky) / 3
    sky = tuple((1 - air.grey) * part + air.grey * grey for part in light.sky)
    background = scene.world.node_tree.nodes["Background"].inputs
    background["Color"].default_value = (*sky, 1.0)
    background["Strength"].default_value = light.sky_strength * air.sky
    bpy.ops.mesh.primitive_plane_add(size=120)
    earth = (0.75, 0.78, 0.82) if air.snow else (0.22, 0.20, 0.17)
    bpy.context.object.data.materials.append(material("ground", earth))
    set_haze(air.haze, tuple(light.sky_strength * air.sky * part for part in sky))


def set_haze(haze: float, colour: tuple[float, ...]) -> None:
    """Fill the air with what dims and glows in the color of the sky: without scattering, a few
    samples suffice."""
    import bpy

    if not haze:
        return
    bpy.ops.mesh.primitive_cube_add(size=100, location=(0, 0, 49.9))
    made = bpy.data.materials.new("haze")
    made.use_nodes = True
    nodes, links = made.node_tree.nodes, made.node_tree.links
    nodes.remove(nodes["Principled BSDF"])
    dims, glows = nodes.new("ShaderNodeVolumeAbsorption"), nodes.new("ShaderNodeEmission")
    both = nodes.new("ShaderNodeAddShader")
    dims.inputs["Color"].default_value, dims.inputs["Density"].default_value = (0, 0, 0, 1), haze
    glows.inputs["Color"].default_value, glows.inputs["Strength"].default_value = (*colour, 1), haze
    links.new(dims.outputs[0], both.inputs[0])
    links.new(glows.outputs[0], both.inputs[1])
    links.new(both.outputs[0], nodes["Material Output"].inputs["Volume"])
    bpy.context.object.data.materials.append(made)


def draw(cell: dict[str, Any], look: tuple[str, str], path: Path, size: tuple[int, int]) -> None:
    """Render one image; an existing file is a whole one."""
    import bpy

    scene = empty_scene(size)
    figure(*look)
    set_camera(scene, cell)
    set_light(scene, cell["illumination"], cell["weather"])
    part = path.with_name(f".{path.stem}.part.jpg")
    part.parent.mkdir(parents=True, exist_ok=True)
    scene.render.filepath = str(part)
    bpy.ops.render.render(write_still=True)
    os.replace(part, path)


def main(plan_file: str, output: str, size: str = "100x235") -> None:
    """Render all images of a plan that the output folder lacks, then write its tables."""
    plan, folder = json.loads(Path(plan_file).read_text(encoding="utf-8")), Path(output)
    looks, (width, height) = looks_of(plan), map(int, size.split("x"))
    for cell in plan["cells"]:
        for identity in cell["identities"]:
            path = folder / image_path(cell, identity)
            if not path.exists():
                draw(cell, looks[identity], path, (width, height))
    with (folder / "identities.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["identity", "upper_colour", "lower_colour"])
        writer.writerows([name, *look] for name, look in sorted(looks.items()))
    images = len(list(folder.glob("[0-9]*/[0-9]*.jpg")))
    record = json.dumps(renders_record(images, len(looks)), indent=2)
    (folder / "renders.json").write_text(record + "\n", encoding="utf-8")
    print(f"{images} images in {folder}")


if __name__ == "__main__":
    arguments = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    if len(arguments) not in (2, 3):
        sys.exit(__doc__)
    main(*arguments)

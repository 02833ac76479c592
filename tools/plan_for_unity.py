"""Convert a gprplus plan into the configuration of a Unity Perception scenario.

    python tools/plan_for_unity.py plan.json scenario.json [--seed N]
    MyPlayer --scenario-config-file scenario.json

The configuration has the form that Perception 1.0 writes and reads ("Generate JSON Config" of a
scenario; Scenarios.md of com.unity.perception): constants, and groups of randomizers whose scalar
items set public fields. Each image is one iteration of a FixedLengthScenario. The one randomizer,
`GprplusPlanRandomizer`, has string fields with one value for each iteration, joined by ";"; its C#
source is in docs/engine.md. Unity could not be run here: this file is checked against the form in
Perception's own sources and tests, and the C# source is not compiled.

Unity's axes: the person is at the origin and faces +z, y is up, +x is the person's right.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from gprplus.engine.domains import Domain, domain_named
from gprplus.engine.places.weather_light import HOUR, sun_direction
from gprplus.engine.plans.plan_cells import PlanCell, identity_name
from gprplus.engine.plans.render_plan import RenderPlan

RANDOMIZER = "GprplusPlanRandomizer"
METADATA = {"name": "", "description": "", "imageLink": ""}


def vector(values: Any) -> str:
    """Three numbers of gprplus (z up, +y front) as a vector of Unity (y up, +z front).

    >>> vector((1.0, 2.0, 0.5))
    '1 0.5 2'
    """
    x, y, z = (round(float(value), 4) + 0.0 for value in values)
    return f"{x:g} {z:g} {y:g}"


def camera_position(cell: PlanCell, domain: Domain) -> tuple[float, float, float]:
    """The camera of a cell, in meters: 90 degrees are in front of the person."""
    turn = np.radians(cell.viewpoint_deg)
    height = domain.height if cell.camera_height_m is None else cell.camera_height_m
    return -np.cos(turn) * domain.distance, np.sin(turn) * domain.distance, height


def iterations(plan: RenderPlan, domain: Domain) -> dict[str, list[str]]:
    """The value of each field of the randomizer in every iteration: one image after the other."""
    fields: dict[str, list[str]] = {}
    for cell in plan.rows:
        sun = sun_direction(cell.illumination) if cell.illumination in HOUR else None
        values = {
            "cameraPositions": vector(camera_position(cell, domain)),
            "sunDirections": "" if sun is None else vector(sun),
            "weathers": cell.weather,
            "illuminations": cell.illumination,
            "backgrounds": cell.background or "",
            "viewpoints": str(cell.viewpoint_deg),
        }
        for number in cell.identities:
            for name, value in {"identities": identity_name(number), **values}.items():
                fields.setdefault(name, []).append(value)
    return fields


def scenario(plan: RenderPlan, domain: Domain, seed: int = 0) -> dict[str, Any]:
    """The scenario configuration of a plan, as a JSON object."""
    fields = iterations(plan, domain)
    for name, values in fields.items():
        if any(";" in value for value in values):
            raise SystemExit(f"{name}: a level with ';' cannot be joined by it. Rename the level.")
    aim = vector((0.0, 0.0, domain.aim))
    items = {
        name: {"scalar": {"metadata": METADATA, "value": {"str": text}}}
        for name, text in [
            *((key, ";".join(values)) for key, values in fields.items()),
            ("aim", aim),
        ]
    }
    group = {
        "randomizerId": RANDOMIZER,
        "metadata": METADATA,
        "state": {"enabled": True, "canBeSwitchedByUser": False},
        "items": items,
    }
    return {
        "constants": {"startIteration": 0, "iterationCount": plan.images, "randomSeed": seed},
        "randomizers": {"randomizerGroups": [group]},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("plan", type=Path, help="a plan: its folder, or a .json, .csv or .parquet")
    parser.add_argument("output", type=Path, help="scenario configuration to write")
    parser.add_argument("--domain", default="engine", help="domain whose camera distance is used")
    parser.add_argument("--seed", type=int, default=0, help="random seed of the scenario")
    given = parser.parse_args()
    plan = RenderPlan.open(given.plan)
    text = json.dumps(scenario(plan, domain_named(given.domain), given.seed), indent=2)
    given.output.write_text(text + "\n", encoding="utf-8")
    print(f"{plan.images:,} iterations in {given.output}")


if __name__ == "__main__":
    main()

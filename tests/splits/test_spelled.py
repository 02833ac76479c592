"""The options that a recorded request is printed as ask for that request."""

import json
from dataclasses import fields

import pytest

from gprplus.cli.make_split import command
from gprplus.splits.command_options import command_options
from gprplus.splits.request import DeclaredArm, Request

ARMS = (
    DeclaredArm("all"),
    DeclaredArm("mild", {"weather": ("sunny", "clouds")}, 12, 40),
    DeclaredArm("m", matched=True),
)


@pytest.mark.parametrize(
    "request_",
    [
        Request("weather"),
        Request("identity", levels=("8", "16"), test_share=0.0, seed=7),
        Request("weather", levels=("sunny+clouds", "foggy"), where="viewpoint_deg <= 90 and hair == 'long'", budget=9),
        Request("weather", missing="coarsen", coarsen={"viewpoint_deg": "30", "illumination": "a+b/c"}, draws=5),
        Request("weather", cross=True, apart_deg=90, removal=True, full=True, controls=False, images_per_identity=4),
        Request(
            "weather,illumination", design="factorial", restrict={"weather": ("sunny", "clouds")}, generators=("B=A",)
        ),
        Request("weather", design="declared", arms=ARMS, reference="mild", identities=3, min_retention=0.25),
    ],
)
def test_options_ask_for_the_request(request_):
    words = command_options(json.loads(json.dumps(request_.record("0f"))))
    given = command.make_context("make-split", words).params
    names = {field.name for field in fields(Request)}
    said = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items() if name in names}
    again = Request(**{name: value for name, value in said.items() if value is not None})
    assert again == request_


@pytest.mark.parametrize(
    "request_",
    [
        {"attr": "weather", "levels": ["sunny day"]},
        {"attr": "weather", "restrict": {"weather": ["a+b"]}},
        {"attr": "weather", "arms": [{"name": "a", "restrict": {"weather": ["x,y"]}}]},
        {"attr": "weather", "arms": [{"name": "a", "cells": {"weather=sunny": 3}}]},
    ],
)
def test_what_the_command_line_cannot_spell_has_no_options(request_):
    assert command_options(request_) is None

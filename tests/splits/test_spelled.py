"""The options that a recorded request is printed as ask for that request."""

import json
from dataclasses import fields

import pytest

from gprplus.cli.make_split import command
from gprplus.splits.command_options import command_options
from gprplus.splits.declared_arm import DeclaredArm
from gprplus.splits.request import SplitRequest

ARMS = (
    DeclaredArm("all"),
    DeclaredArm("mild", {"weather": ("sunny", "clouds")}, 12, 40),
    DeclaredArm("m", matched=True),
)


@pytest.mark.parametrize(
    "request_",
    [
        SplitRequest("weather"),
        SplitRequest("identity", levels=("8", "16"), test_share=0.0, seed=7),
        SplitRequest(
            "weather",
            levels=("sunny+clouds", "foggy"),
            where="viewpoint_deg <= 90 and hair = long",
            budget=9,
        ),
        SplitRequest(
            "weather",
            on_missing="coarsen",
            coarsen={"viewpoint_deg": "30", "illumination": "a+b/c"},
            deals=2,
        ),
        SplitRequest(
            "weather",
            cross_level_tests=True,
            min_viewpoint_gap_deg=90,
            without_same_level_matches=True,
        ),
        SplitRequest(
            "weather", add_full_arm=True, controls=False, images_per_identity=4, control_draws=5
        ),
        SplitRequest(
            "weather,illumination",
            design="factorial",
            restrict={"weather": ("sunny", "clouds")},
            generators=("B=A",),
        ),
        SplitRequest(
            "weather",
            design="declared",
            arms=ARMS,
            reference="mild",
            identities=3,
            min_retention=0.25,
        ),
    ],
)
def test_options_ask_for_the_request(request_):
    words = command_options(json.loads(json.dumps(request_.record("0f"))))
    given = command.make_context("make-split", words).params
    names = {field.name for field in fields(SplitRequest)}
    said = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in given.items()
        if name in names
    }
    again = SplitRequest(**{name: value for name, value in said.items() if value is not None})
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

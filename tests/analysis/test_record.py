"""Records of analyses and searches read back: every key that a page shows is checked first."""

import json
from pathlib import Path

import pytest

from gprplus.analysis.record import analysis_record, search_record
from gprplus.core.errors import AnalysisError

TABLES = ("distances", "effects", "losses")
SOUND = {
    "target": "street",
    "request": {"mode": "sound", "attributes": ["weather"]},
    "tables": ["distances", "effects"],
    "target_images": 16,
    "target_identities": 8,
    "target_side": "train",
    "shared_people": 0,
    "crossed": {"factors": ["weather"], "cells": 3, "identities": 12, "identities_complete": 12},
    "notes": [],
    "main": {"histograms": "all"},
    "r2": {"all": 0.9},
    "luminance_agreement": {"weather": None},
    "agreement": [{"attribute": "weather", "features": ["all", "mine"], "correlation": 0.5}],
}
PAPER = {
    **{key: SOUND[key] for key in list(SOUND)[:9]},
    "request": {"mode": "paper", "attributes": ["weather"]},
    "tables": ["losses"],
    "kept": {"weather": ["sunny"]},
    "sensitivity": {"weather": {"mean": ["sunny"]}},
    "settings": {"rule": "mean"},
    "bias": ["a sentence"],
}
SEARCH = {
    "target": "street",
    "request": {"budget": [100, 2000]},
    "factors": ["weather"],
    "split": "splits/street",
    "arms": ["searched"],
    "controls": {"wrong_target": []},
    "left_out": [],
    "target_images": {"chosen_by": 8, "held_out": 8},
    "stability": {"l1": 0.1, "jaccard": 0.9},
    "differences": [{"control": "even", "value": 0.1, "low": None, "high": None}],
}
READ = {
    "sound": (SOUND, lambda info: analysis_record(info, Path("analysis.json"), TABLES)),
    "paper": (PAPER, lambda info: analysis_record(info, Path("analysis.json"), TABLES)),
    "search": (SEARCH, lambda info: search_record(info, Path("search.json"))),
}


@pytest.mark.parametrize("name", READ)
def test_every_key_is_checked(name):
    info, read = READ[name]
    assert read(json.loads(json.dumps(info))).target == "street"
    for key in info:
        for bad in ([[]], [3.5, {}], -1.5):
            with pytest.raises(AnalysisError, match=key):
                read({**info, key: bad})
    for key in info.keys() - {"tables", "differences"}:
        with pytest.raises(AnalysisError, match=f"'{key}' is missing"):
            read({name: value for name, value in info.items() if name != key})


def test_parts_that_contradict_each_other_are_refused():
    _, read = READ["sound"]
    for key, bad, sentence in (
        ("luminance_agreement", {}, "luminance_agreement: the key 'weather' is missing"),
        ("tables", ["effects"], "tables: expected distances"),
        ("tables", ["distances", "../x"], "tables: expected distances"),
        (
            "agreement",
            [{"attribute": "weather", "features": ["all"], "correlation": 1}],
            "expected pairs of features",
        ),
    ):
        with pytest.raises(AnalysisError, match=sentence):
            read({**SOUND, key: bad})
    with pytest.raises(AnalysisError, match="settings: the key 'rule' is missing"):
        READ["paper"][1]({**PAPER, "settings": {}})
    with pytest.raises(AnalysisError, match=r"request.budget: expected identities and images"):
        READ["search"][1]({**SEARCH, "request": {"budget": [1]}})

"""The generator's log, joined by order: never a person by a guess."""

import csv
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gprplus.core.errors import ManifestError
from gprplus.ingest import Manifest, build_manifest, inspect
from gprplus.ingest.gta.log import LINE, read_log
from gprplus.ingest.gta.log_segments import _forced
from gprplus.ingest.layouts.load import load_layout

LAYOUTS = {"3.0": "gta_raw_v30", "3.1": "gta_raw_v31", "3.14": "gta_raw_v314"}
MINUTES = 4  # what a person takes, and a little more


def facts(manifest: Manifest, name: str = "gta_raw_v314") -> dict[str, dict[str, str]]:
    with (manifest.path / "engine_log" / f"{name}.csv").open() as file:
        return {row["identity"]: row for row in csv.DictReader(file)}


@pytest.fixture
def session(tmp_path: Path, shoot, plant) -> Callable[..., Manifest]:
    """`session(count, version, lose=line -> bool, crash={person: images}, ...)`: shoot people, lose
    lines, ingest.

    Only names matter here, so every image is one and the same file.
    """

    def run(
        count: int = 4,
        version: str = "3.14",
        lose: Callable[[int, int], bool] = lambda who, k: False,
        crash: dict[int, int] | None = None,
        actors: Sequence[str] = (),
        comma: bool = False,
        more: Sequence[str] = (),
        gone: Sequence[str] = (),
    ) -> Manifest:
        lines, names = [], []
        for who in range(count):
            actor = actors[who] if actors else f"Actor{who}"
            shots = shoot(
                2 * who, actor, version=version, rank=who, minute=MINUTES * who, comma=comma
            )
            shots = shots[: (crash or {}).get(who, len(shots))]
            names += [shot.path for shot in shots if shot.path not in gone]
            lines += [shot.line for k, shot in enumerate(shots) if not lose(who, k)]
        plant(tmp_path / "raw", names, b"one file for all")
        (tmp_path / "log.txt").write_text("\n".join([*lines, *more]) + "\n")
        layout, log = LAYOUTS[version], [tmp_path / "log.txt"]
        return build_manifest(
            [tmp_path / "raw"], tmp_path / "m", layout=layout, verify="names", engine_logs=log
        )

    return run


@pytest.mark.parametrize("comma", [False, True], ids=["decimal points", "decimal commas"])
def test_a_whole_log_gives_each_identity_its_actor_and_place(session, comma: bool) -> None:
    manifest = session(comma=comma)
    found = facts(manifest)
    assert {name: (row["actor"], row["place"]) for name, row in found.items()} == {
        f"{2 * who:04d}": (f"Actor{who}", f"place{who % 3}") for who in range(4)
    }
    assert {
        (row["lines"], row["images_without_line"], row["other_angle"]) for row in found.values()
    } == {("672", "0", "0")}
    images = manifest.images(["identity", "background"]).to_pylist()
    assert {(row["identity"], row["background"]) for row in images} == {
        (f"{2 * who:04d}", f"place{who % 3}") for who in range(4)
    }
    assert manifest.datasets["gta_raw_v314"].functions["background"] == ["identity"]
    assert "the log has 4 captures for 4 identities; 4 are joined" in "\n".join(
        inspect(manifest).problems
    )


@pytest.mark.parametrize("version", ["3.0", "3.1"])
def test_places_that_go_with_the_weather_agree_with_the_names(session, version: str) -> None:
    manifest = session(3, version)
    found = facts(manifest, LAYOUTS[version])
    assert {row["actor"] for row in found.values()} == {"Actor0", "Actor1", "Actor2"}
    assert {(row["lines"], row["other_place"], row["place"]) for row in found.values()} == {
        ("588", "0", "")
    }
    assert set(manifest.levels("background")) == {
        "beach",
        "factory",
        "street1",
        "mountain",
        "street2",
    }


def test_some_lost_lines_do_not_stop_the_join_and_are_counted(session) -> None:
    manifest = session(lose=lambda who, k: who == 1 and k % 50 == 7)
    row = facts(manifest)["0002"]
    assert (row["joined"], row["actor"], row["images_without_line"]) == ("1", "Actor1", "14")
    assert "14 images have no line in the log: of 0002 (14)." in "\n".join(
        inspect(manifest).problems
    )


def test_a_person_all_of_whose_lines_are_lost_moves_nobody(session) -> None:
    """The time that is missing says where, and the places that skip one say that a person is: the
    others stay right."""
    found = facts(session(6, lose=lambda who, k: who == 1))
    assert {name: row["actor"] for name, row in found.items()} == {
        f"{2 * who:04d}": "" if who == 1 else f"Actor{who}" for who in range(6)
    }


def test_a_crash_leaves_a_partial_identity_that_fits_its_own_lines_alone(session) -> None:
    """A partial person is an anchor: the loss of the first person's lines cannot push it
    elsewhere."""
    manifest = session(4, lose=lambda who, k: who == 0, crash={2: 100})
    found = facts(manifest)
    assert (found["0004"]["actor"], found["0004"]["images"], found["0004"]["lines"]) == (
        "Actor2",
        "100",
        "100",
    )
    assert "1 of 4 identities have fewer than 588 images: 0004" in "\n".join(
        inspect(manifest).problems
    )


def test_images_that_were_removed_are_not_joined_to_whole_captures(session, shoot) -> None:
    gone = [shot.path for shot in shoot(4, "x")[100:]]
    found = facts(session(4, gone=gone))
    assert {row["joined"] for row in found.values()} == {"0"}


def test_models_without_a_name_are_told_apart_by_passes_and_places(session) -> None:
    found = facts(session(4, actors=["", "", "Known", ""]))
    assert [row["actor"] for row in found.values()] == ["", "", "Known", ""]
    assert [row["place"] for row in found.values()] == ["place0", "place1", "place2", "place0"]


def test_a_rerun_appends_and_the_last_time_counts(session, shoot) -> None:
    again = [shot.line for shot in shoot(2, "Actor1", rank=0, minute=500)]
    manifest = session(3, more=again)
    row = facts(manifest)["0002"]
    assert (row["actor"], row["place"], row["first_line"]) == ("Actor1", "place0", str(3 * 672 + 1))
    assert "1 actors were captured more than once" in "\n".join(inspect(manifest).problems)


def test_lines_that_are_none_are_counted_and_named(session) -> None:
    manifest = session(2, more=["[2019-08-02 15:04", "hello"])
    assert "2 lines of the log cannot be read: log.txt:1345, log.txt:1346." in "\n".join(
        inspect(manifest).problems
    )


def test_the_log_of_another_generation_is_refused(session, shoot, tmp_path: Path) -> None:
    session(1)
    (tmp_path / "other.txt").write_text(
        "\n".join(shot.line for shot in shoot(0, "A", version="3.0"))
    )
    with pytest.raises(ManifestError, match="the log of another generation"):
        build_manifest(
            [tmp_path / "raw"],
            tmp_path / "n",
            layout="gta_raw_v314",
            verify="names",
            engine_logs=[tmp_path / "other.txt"],
        )


@pytest.mark.parametrize("lost", [0, 2, 3])
def test_where_the_order_leaves_a_choice_nobody_is_joined(session, lost: int) -> None:
    """The first or the last may be missing, and after a pause a new run may have begun: nothing
    tells which."""
    manifest = session(4, lose=lambda who, k: who == lost)
    assert {row["joined"] for row in facts(manifest).values()} == {"0"}
    assert manifest.levels("background") == []
    problems = "\n".join(inspect(manifest).problems)
    assert "4 identities are not matched to the log (0000, 0002, 0004 and 1 more)" in problems


@pytest.mark.parametrize(
    ("log", "layout", "sentence"),
    [
        (None, "gta_raw_v314", "There is no file"),
        ("hello\n", "gta_raw_v314", "has no line of the generator's log"),
        ("hello\n", "gprplus", "the layout 'gprplus' is none of its raw output"),
    ],
)
def test_a_log_that_cannot_be_joined_is_one_sentence(
    tmp_path: Path, plant, log, layout, sentence
) -> None:
    names = {"gprplus": "0001/0001_c01_w01_l01.jpg", "gta_raw_v314": "0001/0001_C01_W-1_L01.jpg"}
    plant(tmp_path / "raw", [names[layout]])
    if log:
        (tmp_path / "log.txt").write_text(log)
    with pytest.raises(ManifestError, match=sentence):
        build_manifest(
            [tmp_path / "raw"], tmp_path / "m", layout=layout, engine_logs=[tmp_path / "log.txt"]
        )


def test_another_log_is_another_build_and_the_same_one_is_none(session, tmp_path: Path) -> None:
    session(2)
    again = {"layout": "gta_raw_v314", "verify": "names", "engine_logs": [tmp_path / "log.txt"]}
    assert build_manifest([tmp_path / "raw"], tmp_path / "m", **again).rebuilt == ()
    text = (tmp_path / "log.txt").read_text()
    (tmp_path / "log.txt").write_text(text.replace("Actor1", "Renamed"))
    manifest = build_manifest([tmp_path / "raw"], tmp_path / "m", **again)
    assert manifest.rebuilt == ("gta_raw_v314",)
    assert facts(manifest)["0002"]["actor"] == "Renamed"


def test_a_person_in_two_folders_is_pointed_out(tmp_path: Path, shoot, plant) -> None:
    """The single capture of v3.1 puts the first image into folder n and the rest into n + 1."""
    shots = shoot(7, "Alone", version="3.1")
    moved = [shot.path.replace("0007", "0008") for shot in shots[1:]]
    others = [shot.path for shot in shoot(20, "Other", version="3.1")]
    plant(tmp_path / "raw", [shots[0].path, *moved, *others], b"one file for all")
    (tmp_path / "log.txt").write_text("\n".join(shot.line for shot in shots))
    log = [tmp_path / "log.txt"]
    manifest = build_manifest(
        [tmp_path / "raw"], tmp_path / "m", layout="gta_raw_v31", verify="names", engine_logs=log
    )
    assert "0007 and 0008" in "\n".join(inspect(manifest).problems)


def test_the_shape_of_a_line_is_that_of_the_published_example() -> None:
    text = (
        "[2019-08-02 15:04:05:123] (1) Loc:{[533.268, -1435.525, 29.355]} Time:{00:00:00}"
        " Weather:{ExtraSunny} Ang:{[6.123E-17]} Actor:{}"
    )
    found = LINE.fullmatch(text)
    assert found is not None
    assert (found["k"], found["angle"], found["actor"]) == ("1", "6.123E-17", "")


def test_stamps_count_seconds_and_their_last_three_digits_thousandths(
    tmp_path: Path, shoot
) -> None:
    (tmp_path / "log.txt").write_text(
        "\n".join(shot.line for shot in shoot(0, "A")[:6])
    )  # four shots a second
    first, *others = read_log([tmp_path / "log.txt"], load_layout("gta_raw_v314").log).lines
    assert [line.seconds - first.seconds for line in others] == [0.25, 0.5, 0.75, 1, 1.25]


def test_every_generation_says_how_its_log_speaks() -> None:
    for name in LAYOUTS.values():
        layout = load_layout(name)
        assert layout.log is not None
        assert list(layout.log.weathers) == list(layout.weather.levels)
        assert list(layout.log.hours) == list(layout.illumination.levels.values())


@settings(max_examples=80)
@given(st.integers(1, 5), st.integers(0, 2), st.integers(0, 10**6))
def test_only_what_every_joining_agrees_on_is_joined(rows: int, spare: int, seed: int) -> None:
    """The slow twin tries every choice of columns in order."""
    import itertools

    import numpy as np

    rng = random.Random(seed)
    fitting = np.array([[rng.random() < 0.7 for _ in range(rows + spare)] for _ in range(rows)])
    steps = [
        rng.choice([(1, None, 1), (-1, None, 1), (1, rng.randrange(3), 3)]) for _ in range(rows - 1)
    ]

    def allowed(chosen: Sequence[int]) -> bool:
        for (least, remainder, of), one, two in zip(steps, chosen, chosen[1:], strict=False):
            if (least < 0 and two != one + 1) or (
                remainder is not None and (two - one - remainder) % of
            ):
                return False
        return all(fitting[i, column] for i, column in enumerate(chosen))

    choices = [
        chosen for chosen in itertools.combinations(range(rows + spare), rows) if allowed(chosen)
    ]
    columns = [Counter(chosen[i] for chosen in choices) for i in range(rows)]
    expected = {i: next(iter(seen)) for i, seen in enumerate(columns) if len(seen) == 1}
    assert _forced(fitting, steps) == expected

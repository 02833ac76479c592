"""Masks and key points in their many forms: polygons, run-length codes, instance masks,
RandPerson's text."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from gprplus.core.errors import FramesError
from gprplus.cropping import CropRules, crop_frames
from gprplus.cropping.segmentation import (
    boxes_of,
    decode_counts,
    encode_counts,
    mask_of,
    translate_mask,
)
from gprplus.cropping.selection import clip_box, expand_box, visible_by_boxes
from gprplus.ingest import build_manifest

SIZE = (320, 240)
ALL = (0, 0, *SIZE)
MASKS = hnp.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)))


@given(mask=MASKS)
def test_a_run_length_code_gives_its_mask_back(mask: np.ndarray) -> None:
    size = (mask.shape[1], mask.shape[0])
    assert (decode_counts(encode_counts(mask), size) == mask).all()


@given(mask=MASKS)
def test_run_length_codes_are_read_as_pycocotools_writes_them(mask: np.ndarray) -> None:
    tools = pytest.importorskip("pycocotools.mask")
    code = tools.encode(np.asfortranarray(mask.astype(np.uint8)))
    assert (decode_counts(code, (mask.shape[1], mask.shape[0])) == mask).all()
    assert (
        decode_counts({**code, "counts": code["counts"].decode()}, (mask.shape[1], mask.shape[0]))
        == mask
    ).all()


@given(mask=MASKS, data=st.data())
def test_a_run_length_code_is_read_inside_a_window_alone(
    mask: np.ndarray, data: st.DataObject
) -> None:
    height, width = mask.shape
    left, right = sorted(data.draw(st.tuples(st.integers(0, width - 1), st.integers(0, width - 1))))
    top, bottom = sorted(
        data.draw(st.tuples(st.integers(0, height - 1), st.integers(0, height - 1)))
    )
    found = decode_counts(encode_counts(mask), (width, height), (left, top, right + 1, bottom + 1))
    assert (found == mask[top : bottom + 1, left : right + 1]).all()


@given(
    values=hnp.arrays(
        np.uint16, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 4)
    )
)
def test_boxes_of_an_instance_mask_are_those_of_each_value(values: np.ndarray) -> None:
    expected = {}
    for value in sorted(set(values.ravel().tolist()) - {0}):
        y, x = np.nonzero(values == value)
        expected[value] = (x.min(), y.min(), x.max() + 1 - x.min(), y.max() + 1 - y.min())
    assert boxes_of(values, 10) == expected


def test_a_picture_among_instance_masks_is_a_rejected_frame(tmp_path: Path, frame) -> None:
    folder = instances(tmp_path, "grey16")
    frame(folder / "frames" / "0002.png", {}, (200, 100))
    noise = np.random.default_rng(0).integers(0, 255, (100, 200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "masks" / "0002.png")
    crops = crop_frames(folder / "frames", tmp_path / "c", masks=folder / "masks")
    assert (crops.info["images"], crops.info["rejected"]) == (4, {"frame": 1})
    assert "more than 10,000 values" in (crops.path / "_rejected.csv").read_text()


@pytest.mark.parametrize(
    ("name", "masks", "sentence"),
    [
        ("1.jpg", "masks", "1.jpg is a JPEG, which changes the values"),
        ("1.png", "frames", "1.png is the same file as the frame"),
        ("1.png", "masks", "1.png has no background"),
    ],
)
def test_frames_in_the_place_of_masks_are_refused(
    tmp_path: Path, frame, name: str, masks: str, sentence: str
) -> None:
    """A flat picture has few colors, and each was taken for an identity."""
    frame(tmp_path / "frames" / "1.png", {1: (20, 20, 60, 120), 2: (120, 20, 60, 120)})
    frame(tmp_path / "masks" / name, {1: (20, 20, 60, 120), 2: (130, 20, 60, 120)})
    with pytest.raises(FramesError, match=sentence):
        crop_frames(tmp_path / "frames", tmp_path / "c", masks=tmp_path / masks)


def test_a_picture_with_black_and_many_colors_is_no_mask(tmp_path: Path, frame) -> None:
    frame(tmp_path / "frames" / "1.png", {}, (200, 100))
    (tmp_path / "masks").mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (100, 200, 3), dtype=np.uint8)
    noise[:10] = 0
    Image.fromarray(noise).save(tmp_path / "masks" / "1.png")
    with pytest.raises(FramesError, match=r"1.png has 1\d,\d{3} values, so it is no instance mask"):
        crop_frames(tmp_path / "frames", tmp_path / "c", masks=tmp_path / "masks")


def test_a_mask_of_another_size_is_refused_before_it_is_decoded(
    tmp_path: Path, frame, monkeypatch
) -> None:
    frame(tmp_path / "frames" / "1.png", {}, (200, 100))
    (tmp_path / "masks").mkdir()
    Image.new("L", (9000, 9000)).save(tmp_path / "masks" / "1.png")
    monkeypatch.setattr(
        "PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("the mask was decoded")
    )
    crops = crop_frames(tmp_path / "frames", tmp_path / "c", masks=tmp_path / "masks", workers=1)
    assert crops.info["rejected"] == {"frame": 1}
    assert (
        "is of size (9000, 9000), and the frame of (200, 100)"
        in (crops.path / "_rejected.csv").read_text()
    )


@pytest.mark.parametrize(
    "code", [{"size": [5, 5], "counts": [25]}, {"size": [240, 320], "counts": [7]}]
)
def test_a_code_that_does_not_fill_the_frame_is_refused(code: dict) -> None:
    with pytest.raises(FramesError, match="does not fit a frame of height 240"):
        mask_of(code, ALL, SIZE)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.floats(-3, 15), st.floats(-3, 15)), min_size=3, max_size=6))
def test_a_polygon_holds_the_pixels_whose_centres_it_holds(
    corners: list[tuple[float, float]],
) -> None:
    """The slow twin: each centre counts the edges to its left."""
    found = mask_of([[value for corner in corners for value in corner]], (2, 1, 11, 9), (20, 20))
    assert found is not None
    for row, column in np.ndindex(found.shape):
        x, y = 2 + column + 0.5, 1 + row + 0.5
        crossed = 0
        for (x1, y1), (x2, y2) in zip(corners, [*corners[1:], corners[0]], strict=True):
            if (y1 <= y) != (y2 <= y):
                at = x1 + (y - y1) * (x2 - x1) / (y2 - y1)
                if abs(at - x) < 1e-6:
                    return  # on an edge either answer is right
                crossed += at < x
        if any(abs(y - corner[1]) < 1e-6 for corner in corners):
            return
        assert found[row, column] == (crossed % 2 == 1)


def test_a_code_moves_into_the_crop() -> None:
    mask = np.zeros((240, 320), bool)
    mask[60:100, 50:70] = True
    there = translate_mask(encode_counts(mask), (40, 50, 80, 120), SIZE)
    assert (decode_counts(there, (40, 70)) == mask[50:120, 40:80]).all()


@given(
    st.tuples(st.floats(-50, 350), st.floats(-50, 350), st.floats(0.1, 400), st.floats(0.1, 400)),
    st.floats(0, 1),
)
def test_a_crop_lies_in_its_frame_and_holds_its_box(
    box: tuple[float, float, float, float], margin: float
) -> None:
    window, wide = clip_box(box, SIZE), expand_box(box, margin, SIZE)
    if window is None:
        return
    assert wide is not None
    assert 0 <= wide[0] <= window[0] < window[2] <= wide[2] <= 320
    assert 0 <= wide[1] <= window[1] < window[3] <= wide[3] <= 240


@given(st.lists(st.tuples(*[st.integers(0, 60)] * 2, *[st.integers(1, 60)] * 2), max_size=4))
@example([(10, 20, 20, 20)])  # ends as low as the box: neither is nearer
@example([(10, 20, 20, 21)])
def test_what_nearer_boxes_cover_is_counted_pixel_by_pixel(
    others: list[tuple[int, int, int, int]],
) -> None:
    box = (10.0, 10.0, 20.0, 30.0)
    canvas = np.zeros((240, 320), bool)
    for x, y, width, height in others:
        if y + height > 40:
            canvas[y : y + height, x : x + width] = True
    expected = 1 - canvas[10:40, 10:30].mean()
    assert visible_by_boxes(
        box, [tuple(map(float, other)) for other in others], SIZE
    ) == pytest.approx(expected)


def instances(folder: Path, kind: str) -> Path:
    """Two persons in each of two frames, and their masks as grey values, palette or colours."""
    for i, shift in enumerate((0, 9)):
        values = np.zeros((240, 320), np.int64)
        values[40:160, 30 + shift : 80 + shift] = 3
        values[60:200, 150:210] = 300 if kind == "grey16" else 7
        (folder / "frames").mkdir(parents=True, exist_ok=True)
        (folder / "masks").mkdir(exist_ok=True)
        cv2.imwrite(
            str(folder / "frames" / f"{i:04d}.jpg"), np.full((240, 320, 3), 90 + 60 * i, np.uint8)
        )
        path = folder / "masks" / f"{i:04d}.png"
        if kind == "grey16":
            Image.fromarray(values.astype(np.uint16)).save(path)
        elif kind == "palette":
            picture = Image.fromarray(values.astype(np.uint8), "P")
            picture.putpalette([value for i in range(256) for value in (i, 255 - i, 7)])
            picture.save(path)
        else:
            table = {0: (0, 0, 0), 3: (150, 5, 61), 7: (0, 0, 9)}
            colours = np.array([table.get(value, (0, 0, 0)) for value in range(8)], np.uint8)
            Image.fromarray(colours[values]).save(path)
    return folder


@pytest.mark.parametrize(
    ("kind", "names"),
    [("grey16", ["3", "300"]), ("palette", ["3", "7"]), ("colour", ["9", "9831741"])],
)
def test_each_value_of_an_instance_mask_is_a_person(
    tmp_path: Path, kind: str, names: list[str]
) -> None:
    folder = instances(tmp_path, kind)
    crops = crop_frames(folder / "frames", tmp_path / "c", masks=folder / "masks")
    images = build_manifest([crops.path], tmp_path / "m").images().to_pylist()
    assert [row["identity"] for row in images] == [names[0], names[0], names[1], names[1]]
    assert [row["frame"] for row in images] == [0, 1, 0, 1]
    assert {(row["width_px"], row["height_px"]) for row in images} == {(50, 120), (60, 140)}


def test_a_table_says_who_a_colour_is_and_what_it_does_not_name_is_counted(tmp_path: Path) -> None:
    folder = instances(tmp_path, "colour")
    table = tmp_path / "people.csv"
    table.write_text("colour,identity,gender,weather\n#96053d,anna,female,Foggy\n")
    crops = crop_frames(folder / "frames", tmp_path / "c", masks=folder / "masks", people=table)
    assert crops.info["rejected"] == {"identity": 2}
    manifest = build_manifest([crops.path], tmp_path / "m")
    assert [(row["identity"], row["weather"]) for row in manifest.images().to_pylist()] == [
        ("anna", "foggy")
    ] * 2
    assert manifest.identities().to_pylist()[0]["gender"] == "female"


def test_a_table_may_speak_of_one_frame_alone(tmp_path: Path) -> None:
    folder = instances(tmp_path, "palette")
    table = tmp_path / "people.csv"
    table.write_text("frame,value,identity\n0000.jpg,3,anna\n0001,3,berta\n")
    crops = crop_frames(folder / "frames", tmp_path / "c", masks=folder / "masks", people=table)
    images = build_manifest([crops.path], tmp_path / "m").images().to_pylist()
    assert [(row["identity"], row["frame"]) for row in images] == [("anna", 0), ("berta", 1)]
    assert crops.info["rejected"] == {"identity": 2}


def test_masks_blank_the_background_and_lie_beside_where_asked_for(tmp_path: Path) -> None:
    folder = instances(tmp_path, "palette")
    rules = CropRules(blank=(0, 0, 255), margin=0.1)
    crops = crop_frames(
        folder / "frames",
        tmp_path / "c",
        masks=folder / "masks",
        rules=rules,
        extension=".png",
        save_masks=True,
    )
    picture = cv2.imread(str(crops.path / "3/3_f000000_b3.png"))[:, :, ::-1]
    mask = cv2.imread(str(crops.path / "_masks/3/3_f000000_b3.png"), cv2.IMREAD_UNCHANGED)
    assert mask.shape == picture.shape[:2] == (144, 60)
    assert (picture[mask == 0] == (0, 0, 255)).all()
    assert (np.abs(picture[mask == 255].astype(int) - 90) < 3).all()
    assert int((mask == 255).sum()) == 120 * 50


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("value,who\n3,anna\n", "unknown column 'who'"),
        ("value,gender\n3,male\n", "needs the columns value"),
        ("value,identity\n3,a\n3,b\n", "value 3 occurs twice"),
        ("value,identity\nthree,a\n", "expected a value such as 12"),
    ],
)
def test_a_table_of_people_that_is_none_is_one_sentence(
    tmp_path: Path, text: str, sentence: str
) -> None:
    folder = instances(tmp_path, "palette")
    (tmp_path / "people.csv").write_text(text)
    with pytest.raises(FramesError, match=sentence):
        crop_frames(
            folder / "frames",
            tmp_path / "c",
            masks=folder / "masks",
            people=tmp_path / "people.csv",
        )


def points_line(name: str, box: tuple[int, int, int, int], sign: str) -> str:
    return sign.join(
        map(str, [name, *box, *(value for i in range(7) for value in (5 + i, 10 * i))])
    )


@pytest.mark.parametrize(
    ("sign", "called"), [(",", "comma"), ("\t", "tab"), (" ", "space"), (";", "semicolon")]
)
def test_randpersons_text_is_read_whatever_parts_its_fields(
    tmp_path: Path, frame, sign: str, called: str
) -> None:
    """The scene is not read as the identity, nor the crop's points as the frame's."""
    frame(tmp_path / "camera3_1" / "frame_000264.png", {7: (40, 60, 40, 100)})
    names = [
        "000012_s03_c01_f000264.jpg",
        "000007_c01_s03_f000264.jpg",
        "000009_s03_c01_f000999.jpg",
    ]
    lines = [points_line(name, (40, 60, 80, 160), sign) for name in names] + ["nonsense"]
    lines[1] = points_line(names[1], (140, 60, 180, 160), sign)
    (tmp_path / "camera3_1_point.txt").write_text("\n".join(lines) + "\n")
    crops = crop_frames(
        tmp_path,
        tmp_path / "c",
        points=tmp_path / "camera3_1_point.txt",
        rules=CropRules(margin=0.1, min_visible=0),
    )
    assert crops.info["remarks"][0].startswith(f"the separator is a {called}")
    assert crops.info["rejected"] == {"line": 1, "frame": 1}
    rows = build_manifest([crops.path], tmp_path / "m").images().to_pylist()
    found = [(row["identity"], row["camera"], row["background"], row["frame"]) for row in rows]
    assert found == [("000007", 301, "s03", 264), ("000012", 301, "s03", 264)]
    import json

    annotations = json.loads((crops.path / "_crops.json").read_text())["annotations"]
    head = next(a for a in annotations if a["identity"] == "000012")["keypoints"][:3]
    assert head == [5 + 4, 0 + 10, 2]  # relative to the crop, whose margin is 4 wide and 10 high


def test_text_of_another_shape_is_one_sentence(tmp_path: Path, frame) -> None:
    frame(tmp_path / "0001.png", {})
    (tmp_path / "p.txt").write_text("a,b,c\n")
    with pytest.raises(FramesError, match=r"expected 19 fields .* found 3 by comma"):
        crop_frames(tmp_path, tmp_path / "c", points=tmp_path / "p.txt")


@pytest.mark.parametrize(
    ("frames", "given", "sentence"),
    [
        ("nowhere", {"masks": "masks"}, r"no folder \S+nowhere\. Name the folder"),
        ("frames", {"masks": "nowhere"}, r"no folder \S+nowhere\. Name the folder"),
        ("frames", {"masks": "points"}, r"no image under \S+points\. Name the folder"),
        (
            "frames",
            {"points": "points"},
            r"no folder \S+camera1_1 with the frames of camera1_1_point\.txt\. Put them",
        ),
    ],
)
def test_a_folder_that_is_not_there_is_told_with_a_next_step(
    tmp_path: Path, frames, given, sentence: str
) -> None:
    folder = instances(tmp_path, "palette")
    (folder / "points").mkdir()
    for name in ("camera1_1_point.txt", "camera1_2_point.txt"):
        (folder / "points" / name).write_text("")
    with pytest.raises(FramesError, match=sentence):
        crop_frames(
            folder / frames,
            tmp_path / "c",
            **{option: folder / name for option, name in given.items()},
        )

"""Strange things in a folder of renders: each is taken or refused with a reason, and nothing after
stumbles over it."""

import io
import os
import resource
import shutil
import socket
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from gprplus.baseline.image_store import pack_images
from gprplus.core.errors import GprplusError, LayoutError
from gprplus.core.files.workdir import write_text
from gprplus.core.imaging.images import decode_image
from gprplus.ingest import Manifest, build_manifest, inspect
from gprplus.ingest.inspection.sample_grid import pick_grid

SHADE = Image.fromarray(
    np.add.outer(np.arange(47), np.arange(20)).astype(np.uint8) * 3
)  # 20 wide, 47 high
COLOUR = Image.merge("RGB", (SHADE, SHADE.rotate(180), SHADE))
NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (47, 20, 3), dtype=np.uint8))
GRADES = ["names", "header", "digest", "decode"]


def saved(image: Image.Image, form: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    return saved(COLOUR, "JPEG", exif=exif.tobytes())


def deep() -> bytes:
    return cv2.imencode(".png", np.asarray(COLOUR).astype(np.uint16) * 257)[1].tobytes()


def frames(form: str) -> bytes:
    return saved(COLOUR, form, save_all=True, append_images=[COLOUR.rotate(180)] * 2, duration=50)


TAKEN: dict[str, Callable[[], bytes]] = {
    "grey JPEG": lambda: saved(SHADE, "JPEG"),
    "CMYK JPEG": lambda: saved(COLOUR.convert("CMYK"), "JPEG"),
    "progressive JPEG": lambda: saved(COLOUR, "JPEG", progressive=True),
    "JPEG that says it is turned": turned,
    "16-bit PNG": deep,
    "16-bit grey PNG": lambda: saved(
        Image.fromarray(np.asarray(SHADE).astype(np.uint16) * 257), "PNG"
    ),
    "PNG with a palette": lambda: saved(COLOUR.convert("P"), "PNG"),
    "black and white PNG": lambda: saved(SHADE.convert("1"), "PNG"),
    "see-through PNG": lambda: saved(COLOUR.convert("RGBA"), "PNG"),
    "grey TIFF of floats": lambda: saved(SHADE.convert("F"), "TIFF"),
    "animated GIF": lambda: frames("GIF"),
    "animated WebP": lambda: frames("WEBP"),
    "animated PNG": lambda: frames("PNG"),
}


def scan_bomb() -> bytes:
    """4,000 x 4,000 pixels in 210 scans and 40 kB: half a second of decoding, and half a minute for
    10,000 scans."""
    data = saved(Image.new("RGB", (4000, 4000)), "JPEG", progressive=True)
    last = data.rfind(b"\xff\xda")
    return data[:last] + 201 * data[last:-2] + data[-2:]


def zeroed(data: bytes) -> bytes:
    """The second half as zeros, but for the end mark of a PNG."""
    half = len(data) // 2
    return data[:half] + bytes(len(data) - half - 12) + data[-12:]


def huge_png(side: int, rows: int = 0, *, garbled: bool = False) -> bytes:
    """A grey PNG that claims `side` x `side` pixels and holds `rows` of them."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    lines = b"garbled" if garbled else zlib.compress(bytes((side + 1) * rows))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")
    )


BROKEN: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "no bytes": (lambda: b"", "empty", "names"),
    "a web page": (lambda: b"<!DOCTYPE html><html>" * 30, "foreign", "header"),
    "a JPEG cut in the middle": (lambda: saved(COLOUR, "JPEG")[:400], "truncated", "header"),
    "a JPEG cut in its last bytes": (lambda: saved(COLOUR, "JPEG")[:-2], "truncated", "header"),
    "a PNG cut in its last bytes": (lambda: saved(COLOUR, "PNG")[:-5], "truncated", "header"),
    "a PNG of 40,000 x 40,000": (lambda: huge_png(40_000), "large", "header"),
    "a PNG that is broken inside": (lambda: huge_png(64, garbled=True), "undecodable", "decode"),
    "half of a PNG": (
        lambda: zeroed(saved(NOISE.resize((100, 200)), "PNG")),
        "incomplete",
        "decode",
    ),
    "a cut JPEG with its end mark": (
        lambda: saved(NOISE, "JPEG")[:-400] + b"\xff\xd9",
        "incomplete",
        "decode",
    ),
    "a cut progressive JPEG with its end mark": (
        lambda: saved(NOISE, "JPEG", progressive=True)[:-120] + b"\xff\xd9",
        "incomplete",
        "decode",
    ),
    "a JPEG of 210 scans": (scan_bomb, "scans", "decode"),
}


def name(i: int) -> str:
    return f"0009/0009_c{i % 12 + 1:02d}_w{i // 12 + 1:02d}_l07.jpg"


def reasons(manifest: Manifest) -> dict[str, str]:
    return {row["path"]: row["reason"] for row in manifest.rejected().to_pylist()}


@pytest.mark.parametrize("kind", TAKEN)
def test_unusual_images_are_taken_as_what_their_bytes_are(
    renders: Path, tmp_path: Path, kind: str
) -> None:
    data = TAKEN[kind]()
    (renders / "0009").mkdir()
    (renders / name(0)).write_bytes(data)
    manifest = build_manifest([renders], tmp_path / "m", verify="decode")
    assert reasons(manifest) == {}
    (row,) = [row for row in manifest.images().to_pylist() if row["path"] == name(0)]
    assert (row["width_px"], row["height_px"]) == (
        20,
        47,
    )  # as stored: orientation tags are not obeyed
    image = decode_image(data)
    assert (image.shape, image.dtype) == ((47, 20, 3), np.uint8)
    assert image.std() > 10  # it shows something


@pytest.mark.parametrize("verify", GRADES)
@pytest.mark.parametrize("kind", BROKEN)
def test_broken_files_are_refused_by_the_grade_that_can_see_it(
    renders, tmp_path, kind: str, verify: str
) -> None:
    make, reason, seen_by = BROKEN[kind]
    (renders / "0009").mkdir()
    (renders / name(0)).write_bytes(make())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    manifest = build_manifest([renders], tmp_path / "m", verify=verify)
    sees = GRADES.index(verify) >= GRADES.index(seen_by)
    assert reasons(manifest) == ({name(0): reason} if sees else {})
    assert (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000
    )  # kB; 40,000 x 40,000 takes 4.8 GB


def test_bytes_that_pad_the_space_before_the_end_mark_are_no_loss(
    renders: Path, tmp_path: Path
) -> None:
    (renders / "0009").mkdir()
    (renders / name(0)).write_bytes(saved(COLOUR, "JPEG")[:-2] + bytes(16) + b"\xff\xd9")
    assert reasons(build_manifest([renders], tmp_path / "m", verify="decode")) == {}


def test_a_picture_past_all_measure_is_not_decoded_even_when_it_is_whole() -> None:
    data = huge_png(12_000, rows=12_000)
    assert len(data) < 1_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert decode_image(data) is None
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_a_png_called_jpg_is_a_png(renders: Path, tmp_path: Path) -> None:
    (renders / "0009").mkdir()
    (renders / name(0)).write_bytes(saved(COLOUR, "PNG"))
    images = build_manifest([renders], tmp_path / "m").images(["path", "format"]).to_pylist()
    assert {row["format"] for row in images if row["path"] == name(0)} == {"png"}


def test_one_file_under_two_identities_is_said(renders: Path, tmp_path: Path) -> None:
    shutil.copy(renders / "0001/0001_c01_w01_l01.jpg", renders / "0002/0002_c01_w01_l01.jpg")
    shutil.copy(
        renders / "0003/0003_c01_w01_l01.jpg", renders / "0003/0003_c01_w01_l02.jpg"
    )  # one person: no harm
    told = inspect(build_manifest([renders], tmp_path / "m", verify="digest")).problems
    assert [line for line in told if "identical bytes" in line] == [
        "gprplus: 2 files have identical bytes under two identities or more, such as"
        " 0001/0001_c01_w01_l01.jpg, 0002/0002_c01_w01_l01.jpg: an identity has two names, or a"
        " file was copied to the wrong place."
    ]


@pytest.fixture
def plain_user() -> Iterator[Path]:
    """A folder of a user to whom permissions apply, as whom the test then runs: root may read
    everything."""
    home = Path(tempfile.mkdtemp())
    nobody = 65534
    try:
        if os.geteuid():
            yield home
            return
        os.chown(home, nobody, nobody)
        os.seteuid(nobody)
        try:
            yield home
        finally:
            os.seteuid(0)
    except PermissionError as error:
        pytest.skip(f"no other user can be taken on: {error}")
    finally:
        for folder, _, _ in os.walk(home):
            os.chmod(folder, 0o700)
        shutil.rmtree(home)


@pytest.mark.parametrize("verify", GRADES)
def test_what_may_not_be_read_is_said_a_folder_as_a_folder(
    plain_user: Path, plant, design, verify: str
) -> None:
    root = plant(plain_user / "r", design())
    (root / "0001/0001_c01_w01_l01.jpg").chmod(0)
    (root / "0002").chmod(0)
    manifest = build_manifest([root], plain_user / "m", verify=verify)
    unread = {} if verify == "names" else {"0001/0001_c01_w01_l01.jpg": "unreadable"}
    assert reasons(manifest) == {"0002": "unreadable folder", **unread}
    told = "\n".join(inspect(manifest).problems)
    assert (
        "1 folder(s) rejected as unreadable folder: 0002. Permission denied; how many files are in"
        " it is not known." in told
    )
    (root / "0002").chmod(0o700)
    assert (
        build_manifest([root], plain_user / "m", verify=verify).datasets["gprplus"].unread_folders
        == 0
    )


def test_what_may_not_be_written_is_told_with_a_next_step(plain_user: Path) -> None:
    (plain_user / "closed").mkdir(mode=0o500)
    for place in (plain_user / "closed" / "a.txt", plain_user / "closed" / "deeper" / "a.txt"):
        with pytest.raises(
            GprplusError,
            match=r"cannot be written: Permission denied\. Make it .* or give another place",
        ):
            write_text(place, "x")


def test_the_root_may_not_be_read(plain_user: Path) -> None:
    (plain_user / "r").mkdir(mode=0)
    with pytest.raises(LayoutError, match="cannot be read: Permission denied"):
        build_manifest([plain_user / "r"], plain_user / "m")


def test_inspect_tells_each_of_several_reasons_of_one_kind(renders: Path, tmp_path: Path) -> None:
    (renders / "0001/0001_c01_w01_l01.jpg").write_bytes(saved(COLOUR, "JPEG")[:400])
    (renders / "0001/0001_c01_w01_l02.jpg").write_bytes(saved(COLOUR, "PNG")[:-5])
    told = inspect(build_manifest([renders], tmp_path / "m")).problems
    assert (
        told[0]
        == "2 file(s) rejected as truncated: 0001/0001_c01_w01_l01.jpg: the end of this jpeg is"
        " missing; 0001/0001_c01_w01_l02.jpg: the end of this png is missing."
    )


def strange_tree(root: Path, plant, monkeypatch) -> dict[str, str]:
    """A whole design with everything above planted into it; what is refused at which path, by
    --verify decode."""
    expected = {}
    for i, make in enumerate(TAKEN.values()):
        plant(root, [name(i)], make())
    for i, (make, reason, _) in enumerate(BROKEN.values(), len(TAKEN)):
        plant(root, [name(i)], make())
        expected[name(i)] = reason
    names = [
        "0001/a\nb.jpg",
        "märz/日本.jpg",
        "0001/\u202egpj.exe.jpg",
        "0001/" + "x" * 251 + ".jpg",
        "0007/0007_c01_w01_l01.jpg/in.jpg",
    ]
    plant(root, names)
    expected |= dict.fromkeys(names, "name")
    (root / "0001" / "up").symlink_to(root, target_is_directory=True)
    (root / "0001" / "self.jpg").symlink_to(root / "0001" / "self.jpg")
    (root / "0001" / "0001_c09_w01_l01.jpg").symlink_to(root / "nowhere.jpg")
    expected |= {
        "0001/up": "link",
        "0001/self.jpg": "unreadable",
        "0001/0001_c09_w01_l01.jpg": "unreadable",
    }
    Path(os.fsdecode(os.fsencode(root) + b"/0001/bad\xff.jpg")).write_bytes(b"x")
    Path(os.fsdecode(os.fsencode(root) + b"/bad\xff")).mkdir()
    expected |= {"0001/bad\\xff.jpg": "name", "bad\\xff": "name"}
    os.mkfifo(root / "0001" / "0001_c10_w01_l01.jpg")
    monkeypatch.chdir(root / "0001")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("0001_c11_w01_l01.jpg")
    monkeypatch.undo()
    expected |= dict.fromkeys(
        ["0001/0001_c10_w01_l01.jpg", "0001/0001_c11_w01_l01.jpg"], "unreadable"
    )
    try:
        os.mknod(
            root / "0001" / "0001_c12_w01_l01.jpg", 0o20666, os.makedev(1, 5)
        )  # /dev/zero has no end
        expected["0001/0001_c12_w01_l01.jpg"] = "unreadable"
    except PermissionError:
        pass
    return expected


@pytest.mark.parametrize("verify", GRADES)
def test_everything_strange_at_once_is_survived_to_the_end(
    tmp_path: Path, draw, plant, monkeypatch, verify: str
) -> None:
    root = draw(tmp_path / "r", people=4, views=2)
    (root / "renders.json").unlink()
    expected = strange_tree(root, plant, monkeypatch)
    manifest = build_manifest([root], tmp_path / "m", layout="gprplus", verify=verify)
    found = reasons(manifest)
    seen = {path for path, reason in expected.items() if _visible(reason, verify)}
    assert found == {path: expected[path] for path in seen}
    assert build_manifest([root], tmp_path / "m", layout="gprplus", verify=verify).rebuilt == ()
    assert inspect(manifest).counts["rejected"] == len(seen)
    for by in ("identity", "weather", "camera"):
        sheet = pick_grid(manifest, by, columns=30)
        assert any(cell is not None for line in sheet.cells for cell in line)
    images = manifest.images(["uid", "dataset", "path"])
    if verify == "decode":
        packed = pack_images(images, manifest.roots(), tmp_path / "store", 64, 32)
        assert packed.images(packed.uids)[:].shape == (images.num_rows, 64, 32, 3)
    else:
        with pytest.raises(GprplusError, match=r"cannot be decoded .* --verify decode"):
            pack_images(images, manifest.roots(), tmp_path / "store", 64, 32)


def _visible(reason: str, verify: str) -> bool:
    """Whether a grade can see it; what is no file, or has a wrong name, every grade sees."""
    by = {kind: grade for _, kind, grade in BROKEN.values()}
    return GRADES.index(verify) >= GRADES.index(by.get(reason, "names"))


def test_a_root_whose_name_no_record_can_hold(renders: Path, tmp_path: Path) -> None:
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff"))
    renders.rename(root)
    with pytest.raises(LayoutError, match="is not valid UTF-8, which no record can hold"):
        build_manifest([root], tmp_path / "m")


def test_no_name_gives_orders_to_a_terminal(renders: Path, tmp_path: Path) -> None:
    (renders / "0001" / "\x1b[31mred\n.jpg").write_bytes(b"")
    told = "".join(inspect(build_manifest([renders], tmp_path / "m")).problems)
    assert told.isprintable()
    assert "0001/\\x1b[31mred\\n.jpg" in told

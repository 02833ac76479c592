"""The tables of a manifest."""

from gprplus.core.declarations import identity_attributes
from gprplus.schema.column import Column, attribute_columns

# Grades of --verify, from the cheapest to the dearest.
ROLES = ("train", "val", "query", "gallery")

IMAGES = (
    Column(
        "uid",
        "uint64",
        "Key of the image: 64 bits of a hash of dataset, part folder and the layout's raw named"
        " groups.",
    ),
    Column("dataset", "level", "Dataset the image belongs to."),
    Column("path", "string", "Path relative to the dataset's root, POSIX."),
    Column("identity", "level", "Identity, as named in the manifest; null for junk without one."),
    *attribute_columns(["camera", "viewpoint_deg"], "image"),
    Column("frame", "int64", "Frame number in a video or sequence."),
    *attribute_columns(["weather", "illumination", "background"], "image"),
    Column("weather_code", "level", "The raw token that weather was decoded from."),
    Column("camera_code", "level", "The raw token that camera was decoded from."),
    Column("identity_token", "level", "The raw token that identity was decoded from."),
    Column(
        "role", "level", "Role the dataset itself gives the image: train, val, query or gallery."
    ),
    Column(
        "is_junk",
        "bool",
        "Leaves every ranking and every training set (such as a detector's half box, or the second"
        " take of a pass).",
    ),
    Column("is_distractor", "bool", "Is ranked and matches no query."),
    Column("width_px", "int32", "Width.", "pixel"),
    Column("height_px", "int32", "Height.", "pixel"),
    Column("format", "level", "Image format sniffed from the bytes, never from the extension."),
    Column("size_bytes", "int64", "File size.", "byte"),
    Column("digest", "string", "XXH3-128 of the bytes, hex; null unless read whole."),
)
IDENTITIES = (
    Column("dataset", "level", "Dataset of the identity.", level="identity"),
    Column("identity", "level", "Identity.", level="identity"),
    Column(
        "images", "int64", "Number of images of the identity in the manifest.", level="identity"
    ),
    *attribute_columns(identity_attributes(), "identity"),
)
REJECTED = (
    Column("dataset", "level", "Dataset the file was found in."),
    Column("path", "string", "Path relative to the dataset's root, POSIX."),
    Column("reason", "level", "Why it is not in the manifest, one word or two."),
    Column("detail", "string", "The same as a sentence."),
)
SCAN = (
    Column("dataset", "level", "Dataset the file was found in."),
    Column("path", "string", "Path relative to the dataset's root, POSIX."),
    Column("size_bytes", "int64", "File size when it was read.", "byte"),
    Column("mtime_ns", "int64", "Modification time when it was read.", "nanosecond"),
)

"""The evaluation protocols by name, without NumPy: the command line lists them."""

PROTOCOLS = {
    "camera": (
        "gallery rows of the query's identity and camera leave the ranking (Market-1501 and its"
        " kin)"
    ),
    "viewpoint": "the viewpoint plays the part of the camera (renders that name no camera)",
    "no-camera": "nothing but junk and the query itself leaves the ranking",
}
# What the field calls them. CUHK03 is its new protocol (767 training identities), which scores as
# Market-1501 does.
ALSO_CALLED = {
    "market1501": "camera",
    "dukemtmcreid": "camera",
    "msmt17": "camera",
    "cuhk03": "camera",
    "viewpoint-as-camera": "viewpoint",
}

"""The local page over manifests, splits and runs: `gprplus browse`.

- `sources`: what a command line names, and what a work folder holds.
- `facets`, `selection`, `image_table`: the images of a manifest as codes, filters and counts.
- `pictures`: thumbnails and whole images, by uid.
- `review`: which images were accepted or excluded.
- `image_answers` and the other `*_answers`: the JSON of the page, one function a request.
- `guard`, `server`: who may read the page, and how it is served.
- `page/`: HTML, CSS and ES modules; no build step and no address outside this machine.
"""

"""Inspection: a manifest looked over, two compared, a sheet of samples drawn, a layout tried before
anything is built.

- `inspect_manifest`: everything at a glance.
- `facts`: what is found in the images; `streamed`: the same for large manifests, by row group.
- `cells`: the crossed design; `crossed_cells`: counted identity by identity.
- `relations`: attributes that determine others.
- `problems`: sentences.
- `compare_manifests`: two manifests.
- `sample_grid`: pictures of every level.
- `layout_preview`: `layouts try`.
- `layout_proposal`: `layouts new`.
- `to_table`: a dataset as a table of images.
"""

"""Inspection: a manifest looked over, two compared, a sheet of samples drawn, a layout tried before
anything is built.

- `inspect_manifest`: everything at a glance.
- `cells`: the crossed design.
- `problems`: sentences.
- `compare_manifests`: two manifests.
- `sample_grid`: pictures of every level.
- `layout_preview`: `layouts try`.
- `layout_proposal`: `layouts new`.
- `to_table`: a dataset as a table of images.
"""

"""Sidecar files next to the renders: tables of identities, and role lists.

- `identities`: identity attributes.
- `identity_codes`: code tables of identity attributes.
- `columnar_tables`, `table_cells`, `table_paths`: tables of images as columns.
- `image_tables`: tables that are the source of a dataset, or add attributes to one.
- `look_alikes`: identities that share a look.
- `table_files`: rows of a table in any format.
- `matlab`: `.mat` files.
- `roles`: query and gallery lists.
"""

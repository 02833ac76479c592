"""Sidecar files next to the renders: tables of identities, and role lists.

- `identities`: identity attributes.
- `identity_codes`: code tables of identity attributes.
- `table_files`: rows of a table in any format.
- `matlab`: `.mat` files.
- `roles`: query and gallery lists.
"""

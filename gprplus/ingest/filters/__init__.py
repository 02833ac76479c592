"""Filters: which images are used, by the text of --where or by uid.

- `parse`: the grammar.
- `syntax`: tokens, the tree, and messages with a position.
- `evaluate`: the tree over Arrow columns.
- `numbers`: comparisons that stay exact beyond 53 bits.
- `filter_columns`: columns of images and of their identities alike.
- `uid_selection`: a boolean Series, a table or a sequence of uids.
"""

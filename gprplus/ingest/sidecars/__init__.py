"""What lies beside the renders and knows more than their names: tables of people, and lists of roles.

- `identities`: attributes of people.
- `identity_codes`: what the codes in such tables mean.
- `table_files`: their rows, whatever the format.
- `matlab`: `.mat` files.
- `roles`: who is query and who is gallery.
"""

"""The tables of reviewed images next to a manifest: accepted and excluded ones."""

from gprplus.schema.column import Column

REVIEWED = (
    Column("uid", "uint64", "Key of the image."),
    Column("reason", "string", "Why, such as the name of a check, or words of the author."),
    Column("author", "string", "User name of whoever decided."),
    Column("time", "string", "When, ISO 8601 in UTC."),
)

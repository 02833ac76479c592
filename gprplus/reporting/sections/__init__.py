"""Tables of text: their form, and those over targets and shares."""

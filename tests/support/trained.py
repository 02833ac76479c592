"""What an arm of a split is trained on."""


def uids(split, arm):
    """Its images."""
    return set(split.train(arm).column("uid").to_pylist())


def column(split, arm, name):
    """A column of its rows."""
    return split.train(arm).column(name).to_pylist()

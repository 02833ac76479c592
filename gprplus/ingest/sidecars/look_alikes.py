"""Look-alikes: identities that were made from the same look (asset and clothing)."""

from typing import TYPE_CHECKING

from gprplus.core.errors import first_few

if TYPE_CHECKING:
    import pyarrow as pa

LOOK = "look"


def look_alike_sentences(identities: "pa.Table") -> list[str]:
    """Return one sentence on the looks that several identities of a table share; empty without
    any."""
    if LOOK not in identities.column_names:
        return []
    wearing: dict[str, list[str]] = {}
    columns = identities.select([LOOK, "identity"]).to_pydict()
    for look, identity in zip(columns[LOOK], columns["identity"], strict=True):
        if look is not None:
            wearing.setdefault(look, []).append(identity)
    shared = {look: who for look, who in wearing.items() if len(who) > 1}
    if not shared:
        return []
    look, who = min(shared.items(), key=lambda item: (-len(item[1]), item[0]))
    count = sum(map(len, shared.values()))
    looks = "1 look is" if len(shared) == 1 else f"{len(shared):,} looks are"
    return [
        f"{looks} shared by {count:,} identities, such as '{look}' by {first_few(who)}: they cannot"
        " be distinguished. `gprplus make-split` uses one identity of each look (--look-alikes)."
    ]

"""What was asked for: one frozen record, checked before anything is read, and kept in split.json word for word."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gprplus.declared import attributes
from gprplus.errors import SplitError, nearest

MISSING = {
    "drop-stratum": "leave out the combinations of a person that lack a level",
    "drop-identity": "leave out persons that lack any combination that occurs",
    "fail": "refuse",
}
WARN_RETENTION = 0.5
MIN_RETENTION = 0.1


@dataclass(frozen=True)
class Request:
    """The options of one split.

    Two equal requests on one manifest give the same split, byte for byte under pinned versions.
    """

    attr: str
    levels: tuple[str, ...] | None = None
    where: str | None = None
    identities: int | None = None
    images_per_identity: int | None = None
    budget: int | None = None
    test_share: float = 0.25
    missing: str = "drop-stratum"
    min_retention: float = MIN_RETENTION
    controls: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        known = ["identity", *attributes()]
        if self.attr not in known:
            raise SplitError(f"There is no attribute '{self.attr}'. {nearest(self.attr, known)}")
        if not 0 <= self.test_share < 1:
            raise SplitError(
                f"The test share must be at least 0 and less than 1; found {self.test_share}. With 0 there are no "
                "test rows "
                "and runs need a --target."
            )
        if self.missing not in MISSING:
            raise SplitError(f"--missing {self.missing} is not known. {nearest(self.missing, MISSING)}")
        if not 0 <= self.min_retention <= 1:
            raise SplitError(f"The least retention must lie between 0 and 1; found {self.min_retention}.")
        for name in ("identities", "images_per_identity", "budget"):
            size = getattr(self, name)
            if size is not None and size < 1:
                raise SplitError(f"--{name.replace('_', '-')} must be at least 1; found {size}.")
        if self.levels is not None and not self.levels:
            raise SplitError("--levels names no level.")

    def record(self, manifest_fingerprint: str) -> dict[str, Any]:
        """The request as JSON, with the fingerprint of the manifest it was made of."""
        return {**asdict(self), "levels": list(self.levels) if self.levels else None, "manifest": manifest_fingerprint}


def level_set(text: str, present: Sequence[Any], attr: str) -> tuple[int, ...]:
    """'sunny+clouds' as sorted positions in the levels present. Raises SplitError with the nearest level."""
    names = {str(level): place for place, level in enumerate(present)}
    chosen = set()
    for name in text.lower().split("+"):
        if name not in names:
            raise SplitError(f"{attr} has no level '{name}' on the train side. {nearest(name, names)}")
        chosen.add(names[name])
    return tuple(sorted(chosen))

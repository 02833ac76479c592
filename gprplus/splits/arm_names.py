"""Meaning of arm names: fills the derived fields of records once, when a record is read."""

import re
from collections.abc import Iterable
from dataclasses import replace

from gprplus import schema
from gprplus.schema.audit import Audit
from gprplus.schema.records import Level
from gprplus.schema.split_record import ArmRecord, ManifestLink, Rung, SplitRecord, TestSetRecord

_RUNG = re.compile(r"ids-(\d+)(?:x(\d+))?(-all)?")
_IDENTITIES = re.compile(r"ids-(\d+)(.*)")


def completed(record: SplitRecord) -> SplitRecord:
    """Return the record with the derived fields of its arms."""
    return replace(
        record,
        arms={name: _completed(name, arm, record.levels) for name, arm in record.arms.items()},
    )


def _completed(name: str, arm: ArmRecord, compared: Iterable[Level]) -> ArmRecord:
    held = list(map(str, arm.levels))
    left_out = [str(level) for level in compared if str(level) not in held]
    return replace(
        arm,
        name=name,
        choice=tuple({"only": held, "cell": held, "without": left_out}.get(arm.kind, [])),
        control=name.rpartition("-")[0] if arm.is_random else "",
        rung=_rung(name, arm),
    )


def _rung(name: str, arm: ArmRecord) -> Rung | None:
    """The rung of an arm of a ladder; of a declared arm where its name is the number of its
    identities."""
    found = _RUNG.fullmatch(name)
    if not found or (arm.kind not in ("ids", "ids-all") and int(found[1]) != arm.identities):
        return None
    return Rung(int(found[1]), int(found[2]) if found[2] else None, bool(found[3]))


def unrecorded(names: Iterable[str]) -> SplitRecord:
    """Return a record of arms of which nothing is known but their names: their split has gone.

    >>> arms = unrecorded(["only-sunny+foggy", "mix", "ids-8-all"]).arms
    >>> [(arm.kind, arm.choice, arm.rung) for arm in arms.values()]  # doctest: +NORMALIZE_WHITESPACE
    [('only', ('sunny', 'foggy'), None), ('mix', (), None),
     ('ids-all', (), Rung(identities=8, images_each=None, whole=True))]
    """
    return SplitRecord(
        schema_version=schema.VERSION,
        name="",
        request={},
        design="",
        attribute="",
        levels=[],
        manifest=ManifestLink("", ""),
        datasets={},
        fingerprint="",
        arms={name: _guessed(name) for name in names},
        test=TestSetRecord(0, 0, 0, "no-camera"),
        audit=Audit(),
        warnings=[],
    )


def _guessed(name: str) -> ArmRecord:
    kind, _, rest = name.partition("-")
    bare = ArmRecord(kind="declared", levels=[], images=0, identities=0, fingerprint="", name=name)
    if kind in ("only", "without") and rest:
        levels: list[Level] = list(rest.split("+")) if kind == "only" else []
        return replace(bare, kind=kind, choice=tuple(rest.split("+")), levels=levels)
    if kind == "random" and rest:
        return replace(bare, kind="-".join(name.split("-")[:2]), control=name.rpartition("-")[0])
    if kind == "path" and rest.isdecimal():
        return replace(bare, kind="path", share=int(rest) / 100)
    if kind == "restrict" and rest:
        return replace(bare, kind="factorial", restricted=rest.split("+"))
    if _RUNG.fullmatch(name):
        ladder = replace(bare, kind="ids-all" if name.endswith("-all") else "ids")
        return replace(ladder, rung=_rung(name, ladder))
    return replace(bare, kind="mix") if name == "mix" else bare


def identities_named(name: str) -> int | None:
    """Return the number of identities in an arm's name; None where it has none.

    >>> identities_named("ids-800-all"), identities_named("weather")
    (800, None)
    """
    found = _IDENTITIES.fullmatch(name)
    return int(found[1]) if found else None


def with_identities(name: str, identities: int) -> str:
    """Return an arm's name with another number of identities.

    >>> with_identities("ids-800-all", 40)
    'ids-40-all'
    """
    found = _IDENTITIES.fullmatch(name)
    return f"ids-{identities}{found[2]}" if found else name

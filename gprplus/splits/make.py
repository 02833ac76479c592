"""From a manifest and a request to a split folder."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.core import workdir
from gprplus.core.errors import RequestChanged, SplitError, did_you_mean
from gprplus.core.folders import discard_if_empty, hold_folder, remove_output
from gprplus.core.paths import AnyPath, as_word_list
from gprplus.splits.answerable import AnswerableQueries, excluded_table, find_answerable
from gprplus.splits.audit import SCOPES, TrainSummary, scope_includes, train_summary
from gprplus.splits.audit import audit_split as audited
from gprplus.splits.coarsening import draw_with_coarsened_levels
from gprplus.splits.cross_level_tests import TESTS, CrossLevelTests, cross_level_tests, write_tests
from gprplus.splits.dealing import draw_deals
from gprplus.splits.designs import ArmSet, DesignInput, draw_design
from gprplus.splits.filters.parse import Filter
from gprplus.splits.identifiability import attribute_relations, reject_nested
from gprplus.splits.load import load_candidates
from gprplus.splits.members import iter_parts, write_members
from gprplus.splits.record import build_record, test_set_warnings
from gprplus.splits.request import DEALS, MIN_RETENTION, DeclaredArm, Request
from gprplus.splits.split import EXCLUDED, MEMBERS, RECORD, Split
from gprplus.splits.test_set import TestSet, choose_test_set, is_test_identity

if TYPE_CHECKING:
    from gprplus.ingest import Manifest
    from gprplus.splits.candidates import CandidateTable

KIND = "a split"  # of folder, as its mark states


def make_split(
    manifest: AnyPath,
    attr: str | Sequence[str],
    *,
    output: AnyPath | None = None,
    levels: str | Sequence[str] | None = None,
    where: str | None = None,
    identities: int | None = None,
    images_per_identity: int | None = None,
    budget: int | None = None,
    test_share: float = 0.25,
    missing: str = "drop-stratum",
    min_retention: float = MIN_RETENTION,
    controls: bool = True,
    seed: int = 0,
    design: str | None = None,
    draws: int = 1,
    deals: int = DEALS,
    full: bool = False,
    restrict: Mapping[str, Sequence[str]] | None = None,
    generators: Sequence[str] | None = None,
    arms: Sequence[DeclaredArm] = (),
    reference: str | None = None,
    coarsen: Mapping[str, str] | None = None,
    cross: bool | None = None,
    apart_deg: int | None = None,
    removal: bool = False,
    audit: str = "rows",
    force: bool = False,
) -> Split:
    """Build one controlled experiment over the attribute `attr` into the folder `output`, and return it.

    `manifest` is a Manifest or its folder. The default of `output` is that of the command line, WORK/splits/ATTR, with
    -DESIGN behind it where one is named; WORK is $GPRPLUS_WORK, else work/.

    `design` names the kind of experiment (`gprplus.splits.designs`; by default the one that suits the attribute).
    `deals` is how often the design is drawn: training seed k trains on deal k, so that the luck of a draw is part of
    the variance over seeds. `draws` is how many arms there are of each random control, `full` adds an arm of everything
    on the train side;
    `restrict` and `generators` belong to the factorial, whose `attr` are several, `arms` and `reference` to the design
    declared. `cross` adds tests of query against gallery levels, which reports need for the scores of each level by
    itself: None makes them where the test side allows, and else tests of each level alone; True raises SplitError where
    it does not; False makes none. `removal` adds tests without the true matches at the query's own level. `apart_deg`
    is the least angle between a query and its true matches in the tests of `cross`.

    `where` filters both sides, `levels` chooses arms only; `identities`, `images_per_identity` and `budget` (images an
    arm) make the train side smaller, each a part of the next larger. The test side depends on none of these but `where`
    and `test_share`, and never on `seed`. `audit` says how closely the result is looked at (audit.SCOPES). The same
    request on the same manifest again does nothing, unless `force` has it made anew. Raises SplitError, FilterError or
    ManifestError with the reason where the question cannot be answered, RequestChanged where the folder holds another
    split and `force` is not given.
    """
    if audit not in SCOPES:
        raise SplitError(f"There is no audit called '{audit}'. {did_you_mean(audit, SCOPES)}")
    filtered = Filter(where) if where is not None else None
    request = Request(
        attr=attr if isinstance(attr, str) else ",".join(attr),
        levels=None if levels is None else as_word_list(levels),
        where=filtered.text if filtered else None,
        identities=identities,
        images_per_identity=images_per_identity,
        budget=budget,
        test_share=test_share,
        missing=missing,
        min_retention=min_retention,
        controls=controls,
        seed=seed,
        design=design,
        draws=draws,
        deals=deals,
        full=full,
        restrict={name: tuple(kept) for name, kept in (restrict or {}).items()},
        generators=tuple(generators or ()),
        arms=tuple(arms),
        reference=reference,
        coarsen=dict(coarsen or {}),
        cross=cross,
        apart_deg=apart_deg,
        removal=removal,
    )
    output = workdir.work_folder() / "splits" / default_name(attr, design) if output is None else Path(output)
    return build_split(open_manifest(manifest), request, output, audit=audit, force=force)


def default_name(attr: str | Sequence[str], design: str | None) -> str:
    """Return the name of a split that is given none: its attributes, and its design where one is named.

    >>> default_name("weather", None), default_name("weather,illumination", "factorial")
    ('weather', 'weather+illumination-factorial')
    """
    return "-".join(filter(None, ["+".join(as_word_list(attr)), design]))


def build_split(
    source: "Manifest", request: Request, output: Path, *, audit: str = "rows", force: bool = False
) -> Split:
    """The split of a request in the folder `output`, made unless it is there already."""
    filtered = Filter(request.where) if request.where is not None else None
    record = request.record(source.info["fingerprint"])
    try:
        settled = workdir.check_request(output / RECORD, record, force=force)
    except RequestChanged:
        draw_design(
            partition_identities(source, load_candidates(source, filtered), request)[0]
        )  # a misspelt request says so, not that it is another
        raise
    if settled == "same" and not force and (output / MEMBERS).is_file():
        there = Split.open(output)
        if scope_includes(there.info["audit"].get("scope", "rows"), audit):
            return there
    return write_split(output, draw_split(source, request, output, audit), force=force)


@dataclass(frozen=True)
class DrawnSplit:
    """A split that is worked out and not yet audited or written: its train side, the rows of its arms, its test side,
    what its queries can find, the tests beside, how far the audit is to go, what it knows already, and what split.json
    says before that.
    """

    train: DesignInput
    plan: ArmSet
    side: TestSet
    judged: Mapping[str, AnswerableQueries]
    tests: CrossLevelTests
    scope: str
    surveyed: TrainSummary | None
    facts: Mapping[str, Any]


def draw_split(source: "Manifest", request: Request, output: Path, audit: str = "rows") -> DrawnSplit:
    """Who stands where, for a split in the folder `output`; nothing is written."""
    pool = load_candidates(source, Filter(request.where) if request.where is not None else None)
    train, side = partition_identities(source, pool, request)
    if request.design is None:
        reject_nested(train.relations, pool, request.attr)
    with ThreadPoolExecutor(1) as aside:  # what no arm has a say in, while the arms are drawn
        judging = aside.submit(find_answerable, pool, side, request.attr, train.relations.twins())
        early = audit != "none" and request.missing != "coarsen"
        surveying = aside.submit(train_summary, train) if early else None
        plan = draw_deals(train, _draw)
    beside, judged = cross_level_tests(train, side, plan.levels), judging.result()
    surveyed = surveying.result() if surveying else None
    facts = build_record(source, output, request.record(source.info["fingerprint"]), train, plan, side)
    facts |= {"tests": beside.facts} if beside.facts else {}
    return DrawnSplit(train, plan, side, judged, beside, audit, surveyed, facts)


def _draw(train: DesignInput) -> ArmSet:
    return draw_with_coarsened_levels(train, draw_design) if train.request.missing == "coarsen" else draw_design(train)


def partition_identities(manifest: "Manifest", pool: "CandidateTable", request: Request) -> tuple[DesignInput, TestSet]:
    """Part the pool by person.

    Raises SplitError where a side that is needed has nobody, or no query can be answered.
    """
    searched = is_test_identity(pool.person_keys, request.test_share)[pool.person]
    rows = np.flatnonzero(~searched)
    datasets = manifest.info["datasets"].values()
    factors = sorted({factor for facts in datasets for factor in facts.get("factors", ()) if factor != "identity"})
    functions = {name: of for facts in datasets for name, of in (facts.get("functions") or {}).items()}
    with ThreadPoolExecutor(1) as aside:
        tied = aside.submit(attribute_relations, pool, rows, factors, functions)
        side = choose_test_set(pool, np.flatnonzero(searched))
    total = f"{len(pool.persons):,} identities"
    if request.test_share > 0 and not searched.any():
        raise SplitError(
            f"No identity fell on the test side: {total} at a share of {request.test_share:g} are too few. "
            "Give a larger --test-share, or --test-share 0 and score on a --target."
        )
    if searched.all():
        raise SplitError(
            f"No identity is left to train on: all of {total} fell on the test side at a share of "
            f"{request.test_share:g}. Choose more people, or give a smaller --test-share."
        )
    if searched.any() and not side.query.any():
        raise SplitError(
            f"None of the {len(side.excluded):,} queries has a true match in the gallery under the {side.protocol} "
            "rule: each test identity is "
            "seen by one camera only. Use renders with more cameras, or --test-share 0 and a --target."
        )
    return DesignInput(pool, rows, request, tied.result()), side


def write_split(output: Path, drawn: DrawnSplit, *, force: bool = False) -> Split:
    """Write members.parquet, excluded.parquet, then split.json: a folder without the last is not a split.

    One process at a time writes into a folder; one that comes late finds the split of the other and raises
    RequestChanged where its request differs and `force` is not given. The audit goes on meanwhile; what it refuses is
    not kept.
    """
    with hold_folder(output, KIND, SplitError, adopt=True) as real:
        try:
            workdir.check_request(real / RECORD, drawn.facts["request"], force=force)
            _write(real, drawn)
        finally:
            discard_if_empty(real)
    return Split.open(output, made=True)


def _write(output: Path, drawn: DrawnSplit) -> None:
    train, plan, side = drawn.train, drawn.plan, drawn.side
    with ThreadPoolExecutor(1) as aside:
        roots = {name: output / facts["root"] for name, facts in drawn.facts["datasets"].items()}
        checking = aside.submit(audited, train, plan, side, drawn.judged, drawn.scope, roots, drawn.surveyed)
        versions = aside.submit(workdir.package_versions)

        def accepted() -> None:
            checking.result()
            remove_output(output / RECORD)

        digest = write_members(output / MEMBERS, iter_parts(train.pool, plan.arms, side), accepted)
    workdir.write_table(output / EXCLUDED, excluded_table(train.pool, drawn.judged))
    write_tests(output / TESTS, train, drawn.tests)
    checked, warnings = checking.result()
    said = [
        *test_set_warnings(side, drawn.facts["test"]["identities"]),
        *drawn.tests.warnings,
        *plan.warnings,
        *warnings,
    ]
    facts = {**drawn.facts, "audit": checked, "warnings": said}
    workdir.write_json(output / RECORD, {**facts, "versions": versions.result(), "fingerprint": digest})


def open_manifest(manifest: AnyPath) -> "Manifest":
    """Return a manifest that may be given as its folder."""
    from gprplus.ingest import Manifest

    return manifest if isinstance(manifest, Manifest) else Manifest.open(manifest)

"""Making of a split folder from a manifest and a request."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from gprplus.core.errors import RequestChanged, SplitError
from gprplus.core.files import workdir
from gprplus.core.files.folders import discard_if_empty, hold_folder, remove_output
from gprplus.core.files.paths import AnyPath
from gprplus.core.files.roots import joined_root
from gprplus.core.options import accepts, combined
from gprplus.core.typed import as_json, parse_typed
from gprplus.ingest.filters.parse import Filter
from gprplus.ingest.filters.uid_selection import UidSelection
from gprplus.ingest.tables.manifest_table import Where
from gprplus.schema.audit import Audit
from gprplus.schema.records import Protocol
from gprplus.schema.split_record import SplitRecord
from gprplus.splits.audit import TrainSummary, scope_includes, train_summary
from gprplus.splits.audit import audit_split as audited
from gprplus.splits.designs import ArmSet, DesignInput, draw_design
from gprplus.splits.draws.coarsening import draw_with_coarsened_levels
from gprplus.splits.draws.dealing import draw_deals
from gprplus.splits.identifiability import attribute_relations, reject_nested
from gprplus.splits.load import load_candidates
from gprplus.splits.look_alikes import LookAlikes, look_alike_warnings, resolve_look_alikes
from gprplus.splits.members import iter_parts, write_members
from gprplus.splits.record import build_record, size_warnings
from gprplus.splits.request import SplitRequest
from gprplus.splits.selection.arm_tables import (
    ArmUids,
    find_arm_tables,
    with_arm_tables,
    write_arm_tables,
)
from gprplus.splits.selection.exclusions import (
    Exclusions,
    find_exclusions,
    with_exclusions,
    write_exclusions,
)
from gprplus.splits.selection.where_table import (
    as_uid_table,
    row_filter,
    select_uids,
    without_excluded,
    write_where_table,
)
from gprplus.splits.split import EXCLUDED, MEMBERS, RECORD, Split
from gprplus.splits.streaming import make_streamed
from gprplus.splits.streaming.make_streamed import can_stream, look_alikes_of, write_streamed
from gprplus.splits.streaming.survey import Survey, survey_manifest
from gprplus.splits.test_sets.answerable import AnswerableQueries, excluded_table, find_answerable
from gprplus.splits.test_sets.cross_level_tests import CrossLevelTests, cross_level_tests
from gprplus.splits.test_sets.level_test_files import TESTS, write_tests
from gprplus.splits.test_sets.sides import check_answers, check_sides, declared_relations
from gprplus.splits.test_sets.test_set import TestSet, choose_test_set, is_test_identity

if TYPE_CHECKING:
    from gprplus.ingest import Manifest
    from gprplus.splits.candidates import CandidateTable

KIND = "a split"  # of folder, as its mark states


@accepts(SplitRequest)
def make_split(
    manifest: AnyPath,
    attr: str | Sequence[str] | None = None,
    output: AnyPath | None = None,
    request: SplitRequest | None = None,
    *,
    where: Where = None,
    force: bool = False,
    **changes: Any,
) -> Split:
    """Build a controlled experiment over one attribute, and return the split.

    Its arms are training sets of equal size that differ in that attribute alone. The test set
    depends on `where` and `test_share` only, never on `seed`. The same request on the same manifest
    again returns the split that is there.

    Args:
        manifest: a manifest or its folder.
        attr: attribute to measure, such as weather, gender or identity; several in a factorial.
        output: folder of the split; by default WORK/splits/ATTR, with -DESIGN where a design is
            named.
        request: all options at once; the keywords below change single fields of it.
        where: which images both sides may use: text, such as "weather in (sunny, clouds) and
            viewpoint_deg <= 90"; a boolean Series with one value for each image; a table with a
            column uid; or uids. A table is kept in the split's folder as where.parquet, and its
            fingerprint in split.json.
        force: replace a split of another request in the folder.

    Raises:
        SplitError, FilterError, ManifestError: the images at hand cannot answer the request.
        RequestChanged: the folder holds another split, and `force` is not set.
    """
    if attr is not None:
        changes["attr"] = attr if isinstance(attr, str) else ",".join(attr)
    elif request is None:
        raise SplitError("make_split needs an attribute: give attr or a request.")
    source, chosen = open_manifest(manifest), None
    if isinstance(where, str):
        changes["where"] = where
    elif where is not None:
        chosen = select_uids(where, source)
    given = combined(SplitRequest, request, changes, "make_split")
    if chosen is not None:
        chosen = without_excluded(chosen, find_exclusions(source, given))
        given = replace(given, where=None, where_uids=as_uid_table(chosen))
    return build_split(source, given, Path(output or default_folder(given)), chosen, force=force)


def default_folder(request: SplitRequest, work: Path | None = None) -> Path:
    """WORK/splits/ATTR, with -DESIGN where a design is named."""
    attr = "+".join(request.factors) or request.attr
    return workdir.work_folder(work) / "splits" / "-".join(filter(None, [attr, request.design]))


def build_split(
    source: "Manifest",
    request: SplitRequest,
    output: Path,
    chosen: UidSelection | None = None,
    *,
    force: bool = False,
) -> Split:
    """The split of a request in the folder `output`, made unless it is there already.

    `chosen` are the uids of a request that names a table of them.
    """
    request.check_attributes(source.attributes)
    excluded = find_exclusions(source, request)
    request = with_exclusions(source, request, excluded)
    arm_uids = find_arm_tables(request)
    request = with_arm_tables(request, arm_uids)
    where = chosen or row_filter(request, output, excluded)
    record = request.record(source.fingerprint)
    try:
        state = workdir.check_request(output / RECORD, record, force=force)
    except RequestChanged:
        pool = _candidates(source, where, request).pool
        train = partition_identities(source, pool, request)[0]
        # An invalid request is reported as such, not as changed.
        draw_design(replace(train, arm_uids=arm_uids))
        raise
    if state == "same" and not force and (output / MEMBERS).is_file():
        there = Split.open(output)
        if scope_includes(there.record.audit.scope, request.audit):
            return there
    survey = _streamed_survey(source, request, where)
    if survey is not None:
        assert not isinstance(where, UidSelection)
        return write_streamed(source, survey, request, output, where, force=force)
    drawn = draw_split(source, request, output, where, excluded, arm_uids)
    return write_split(output, drawn, force=force)


def _streamed_survey(
    source: "Manifest", request: SplitRequest, where: Filter | UidSelection | None
) -> Survey | None:
    """Return the survey of a large manifest whose split can be drawn block by block, else None."""
    large = make_streamed.is_large(source)
    if isinstance(where, UidSelection) or not (large and can_stream(source, request, where)):
        return None
    survey = survey_manifest(source, where, cast(Protocol | None, request.protocol))
    if survey is None or look_alikes_of(survey, request.look_alikes)[0]:
        return None
    return survey


@dataclass(frozen=True)
class DrawnSplit:
    """A drawn split before audit and writing: its train set, the rows of its arms, its test set,
    its answerable queries, the further tests, the scope of the audit, known results of it, the
    record without the audit, and which images it used and excluded.
    """

    train: DesignInput
    plan: ArmSet
    test_set: TestSet
    answerable: Mapping[str, AnswerableQueries]
    tests: CrossLevelTests
    scope: str
    surveyed: TrainSummary | None
    record: SplitRecord
    where: Filter | UidSelection | None
    excluded: Exclusions | None


def draw_split(
    source: "Manifest",
    request: SplitRequest,
    output: Path,
    where: Filter | UidSelection | None,
    excluded: Exclusions | None = None,
    arm_uids: ArmUids | None = None,
) -> DrawnSplit:
    """Draw a split for the folder `output` from the images that `where` keeps; nothing is written.

    `excluded` are the images that `where` leaves out by the word `excluded`, for the record;
    `arm_uids` those of arms that are declared by a table.
    """
    request.check_attributes(source.attributes)
    alike = _candidates(source, where, request)
    pool = alike.pool
    train, test_set = partition_identities(source, pool, request)
    train = replace(train, arm_uids=arm_uids or {})
    if request.design is None:
        reject_nested(train.relations, pool, request.attr)
    with ThreadPoolExecutor(
        1
    ) as aside:  # work that does not depend on the arms, while they are drawn
        judging = aside.submit(
            find_answerable, pool, test_set, request.attr, train.relations.equivalents()
        )
        early = request.audit != "none" and request.on_missing != "coarsen"
        surveying = aside.submit(train_summary, train) if early else None
        plan = draw_deals(train, _draw)
    tests, answerable = cross_level_tests(train, test_set, plan.levels), judging.result()
    surveyed = surveying.result() if surveying else None
    record = build_record(source, output, request.record(source.fingerprint), train, plan, test_set)
    return DrawnSplit(
        train,
        plan,
        test_set,
        answerable,
        tests,
        request.audit,
        surveyed,
        replace(
            record,
            tests=dict(tests.facts),
            look_alikes=alike.record,
            exclusions=excluded.record(output) if excluded else None,
        ),
        where,
        excluded,
    )


def _candidates(
    source: "Manifest", where: Filter | UidSelection | None, request: SplitRequest
) -> LookAlikes:
    """The images that a request may use, with at most one identity of each look."""
    pool = load_candidates(source, where, cast(Protocol | None, request.protocol))
    return resolve_look_alikes(pool, request.look_alikes)


def _draw(train: DesignInput) -> ArmSet:
    return (
        draw_with_coarsened_levels(train, draw_design)
        if train.request.on_missing == "coarsen"
        else draw_design(train)
    )


def partition_identities(
    manifest: "Manifest", pool: "CandidateTable", request: SplitRequest
) -> tuple[DesignInput, TestSet]:
    """Partition the pool by identity.

    Raises SplitError if a required set is empty, or no query can be answered.
    """
    searched = is_test_identity(pool.identity_keys, request.test_share)[pool.identity]
    rows = np.flatnonzero(~searched)
    factors, functions = declared_relations(manifest)
    with ThreadPoolExecutor(1) as aside:
        tied = aside.submit(attribute_relations, pool, rows, factors, functions)
        test_set = choose_test_set(pool, np.flatnonzero(searched))
    check_sides(is_test_identity(pool.identity_keys, request.test_share), request)
    if searched.any():
        check_answers(int(test_set.query.sum()), len(test_set.excluded), test_set.protocol)
    return DesignInput(pool, rows, request, tied.result()), test_set


def write_split(output: Path, drawn: DrawnSplit, *, force: bool = False) -> Split:
    """Write members.parquet, excluded.parquet, then split.json: a folder without the last is not a
    split.

    One process at a time writes into a folder; one that comes late finds the split of the other and
    raises RequestChanged where its request differs and `force` is not given. The audit goes on
    meanwhile; what it refuses is not kept.
    """
    with hold_folder(output, KIND, SplitError, adopt=True) as real:
        try:
            workdir.check_request(real / RECORD, drawn.record.request, force=force)
            _write(real, drawn)
        finally:
            discard_if_empty(real)
    return Split.open(output, made=True)


def _write(output: Path, drawn: DrawnSplit) -> None:
    train, plan, test_set = drawn.train, drawn.plan, drawn.test_set
    with ThreadPoolExecutor(1) as aside:
        roots = {
            name: joined_root(output, dataset.root)
            for name, dataset in drawn.record.datasets.items()
        }
        checking = aside.submit(
            audited, train, plan, test_set, drawn.answerable, drawn.scope, roots, drawn.surveyed
        )
        versions = aside.submit(workdir.package_versions)

        def accepted() -> None:
            checking.result()
            remove_output(output / RECORD)

        digest = write_members(
            output / MEMBERS, iter_parts(train.pool, plan.arms, test_set), accepted
        )
    workdir.write_table(output / EXCLUDED, excluded_table(train.pool, drawn.answerable))
    write_tests(output / TESTS, train, drawn.tests)
    write_where_table(output, drawn.where)
    write_exclusions(output, drawn.excluded)
    write_arm_tables(output, train.arm_uids)
    checked, warnings = checking.result()
    sentences = [
        *look_alike_warnings(drawn.record.look_alikes),
        *size_warnings(drawn.record, len(test_set.excluded)),
        *drawn.tests.warnings,
        *plan.warnings,
        *warnings,
    ]
    found = parse_typed(Audit, checked, "audit", SplitError)
    last: dict[str, Any] = {
        "audit": found,
        "warnings": sentences,
        "versions": versions.result(),
        "fingerprint": digest,
    }
    workdir.write_json(output / RECORD, as_json(replace(drawn.record, **last)))


def open_manifest(manifest: AnyPath) -> "Manifest":
    """Return a manifest that may be given as its folder."""
    from gprplus.ingest import Manifest

    return manifest if isinstance(manifest, Manifest) else Manifest.open(manifest)

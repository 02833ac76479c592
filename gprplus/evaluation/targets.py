"""Targets: query rows, gallery rows, and the protocol between them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus import schema
from gprplus.core import protocol, sampling
from gprplus.core.errors import SplitError
from gprplus.core.typed import Absent
from gprplus.evaluation import query_copies, target_checks
from gprplus.evaluation import ranked_examples as ranked
from gprplus.evaluation.rerank import RerankOptions
from gprplus.evaluation.scoring import Scores, score_arrays
from gprplus.evaluation.target_checks import CAMERA
from gprplus.schema.audit import AnswerableCounts
from gprplus.schema.manifest_record import DatasetFacts
from gprplus.schema.records import Protocol
from gprplus.schema.run_record import TargetLeakage, TargetRecord

if TYPE_CHECKING:
    import pyarrow as pa
    import torch

    from gprplus.ingest import Manifest
    from gprplus.splits import Split

OWN_TEST_SET = "self"
RERANKED = "+reranked"
_NOT_JUDGED: dict[str, Any] = {"answerable": None, "copies": Absent.ABSENT, "leakage": None}


@dataclass(frozen=True)
class Target:
    """Query and gallery rows (schema.MEMBERS, and is_junk and is_distractor if the target has them)
    under a name.

    `attribute` is the attribute of the split, by whose levels queries are grouped; `datasets`
    describes the images; `answerable`, `copies` and `leakage` are findings, as in TargetRecord.
    `removed` (schema.TESTS) names gallery rows that are excluded for one query each. With `rerank`,
    the gallery is first re-ranked by k-reciprocal neighbors.
    """

    name: str
    protocol: Protocol
    attribute: str
    rows: "pa.Table"
    roots: Mapping[str, Path]
    datasets: Mapping[str, DatasetFacts]
    removed: "pa.Table | None" = None
    rerank: RerankOptions | None = None
    answerable: Mapping[str, AnswerableCounts] | None = None
    copies: dict[str, int] | Absent | None = Absent.ABSENT
    leakage: TargetLeakage | None = None

    @property
    def uids(self) -> np.ndarray:
        """The images to embed, in row order: `(N,) uint64`."""
        result: np.ndarray = self.rows.column("uid").to_numpy()
        return result

    def fingerprint(self) -> str:
        """Return the digest of everything that scores depend on, except the pixels."""
        flags = [name for name in ("is_junk", "is_distractor") if name in self.rows.column_names]
        level = [self.attribute] if self._has_levels() else []
        wanted = list(
            dict.fromkeys(["uid", "role", "identity", "camera", "viewpoint_deg", *level, *flags])
        )
        rows = sampling.table_fingerprint(self.rows, wanted)
        if self.rerank:
            return sampling.sha256_digest(self.protocol, rows, str(self.rerank))
        if self.removed is None:
            return sampling.sha256_digest(self.protocol, rows)
        return sampling.sha256_digest(
            self.protocol, rows, sampling.table_fingerprint(self.removed, ["of", "uid"])
        )

    def record(self) -> TargetRecord:
        """Return the record of the target, without the folders of its images."""
        query = self._is_query()
        return TargetRecord(
            protocol=self.protocol,
            fingerprint=self.fingerprint(),
            queries=int(query.sum()),
            gallery=int((~query).sum()),
            datasets=dict(self.datasets),
            rerank=asdict(self.rerank) if self.rerank else None,
            answerable=None if self.answerable is None else dict(self.answerable),
            copies=self.copies,
            leakage=self.leakage,
        )

    def score(
        self, features: "np.ndarray | torch.Tensor", **options: Any
    ) -> tuple[Scores, "pa.Table"]:
        """Scores of features `(N, D)`, one a row, and one schema.QUERIES row a query.

        Options go to `gprplus.evaluation.score`.
        """
        query = self._is_query()
        ids, cameras, junk = self._identities(), self._cameras(), self._flag("is_junk")
        found = score_arrays(
            features[np.flatnonzero(query)],
            features[np.flatnonzero(~query)],
            ids[query],
            ids[~query],
            None if cameras is None else cameras[query],
            None if cameras is None else cameras[~query],
            gallery_junk=junk[~query],
            removed=self._removed(query),
            **{"rerank": self.rerank, **options},
        )
        return found, self._queries(query, found)

    def ranked(
        self, features: "np.ndarray | torch.Tensor", queries: "pa.Table"
    ) -> "pa.Table | None":
        """The head of the ranking of a few queries (schema.RANKED) by features `(N, D)`; `queries`
        is from `score`.

        None for tests, and for galleries that are re-ranked: what they do to a ranking is not
        looked at.
        """
        if self.removed is not None or self.rerank or self.name.startswith(f"{OWN_TEST_SET}:"):
            return None
        query, gallery = np.flatnonzero(self._is_query()), np.flatnonzero(~self._is_query())
        precision = queries.column("AP").to_numpy().astype(np.float64)
        picks = ranked.choose_example_queries(self.uids[query], precision)
        rows = query[[place for _, place in picks]]
        ids, cameras, junk = self._identities(), self._cameras(), self._flag("is_junk")
        codes = np.unique(["" if one is None else one for one in ids], return_inverse=True)[1]
        codes = np.where([one is None for one in ids], -1, codes)
        found = ranked.top_ranked(
            _host(features[rows]),
            _host(features[gallery]),
            (codes[rows], codes[gallery]),
            None if cameras is None else _camera_codes(cameras, rows, gallery),
            junk[gallery],
        )
        named = [
            (rule, int(row), float(precision[place]))
            for (rule, place), row in zip(picks, rows, strict=True)
        ]
        return ranked.ranked_table(
            self.name, self.rows, named, [(gallery[order], *rest) for order, *rest in found]
        )

    def _removed(self, query: np.ndarray) -> "list[np.ndarray] | None":
        """Return for each query the gallery positions that are excluded from its ranking."""
        if self.removed is None:
            return None
        uids = self.uids
        order = np.argsort(uids[~query])
        place = order[np.searchsorted(uids[~query][order], self.removed.column("uid").to_numpy())]
        of = self.removed.column("of").to_numpy()
        by = np.argsort(of, kind="stable")
        low, high = (np.searchsorted(of[by], uids[query], side) for side in ("left", "right"))
        return [place[by[start:stop]] for start, stop in zip(low, high, strict=True)]

    def _queries(self, query: np.ndarray, scores: Scores) -> "pa.Table":
        import pyarrow as pa

        rows, each = self.rows.filter(pa.array(query)), scores.per_query
        table = pa.table(
            {
                "target": pa.array([self.name] * len(rows)),
                "uid": rows.column("uid"),
                "identity": self._names(rows),
                "level": self._levels(rows),
                "valid": pa.array(each.valid),
                "AP": pa.array(each.AP, mask=~each.valid),
                "first_match_rank": pa.array(
                    each.first_match_rank.astype(np.int32), mask=~each.valid
                ),
                "inp": pa.array(each.inp, mask=~each.valid),
            }
        )
        return schema.conform(table, schema.QUERIES)

    def _levels(self, rows: "pa.Table") -> "pa.Array":
        import pyarrow as pa

        if not self._has_levels():
            return pa.nulls(len(rows), pa.string())
        return rows.column(self.attribute).cast(pa.string())

    def _has_levels(self) -> bool:
        return self.attribute in self.rows.column_names and self.attribute != "identity"

    def _names(self, rows: "pa.Table") -> "pa.Array":
        """Return the identities of the queries; DATASET/IDENTITY if datasets can share a name for
        two identities."""
        import pyarrow as pa
        import pyarrow.compute as pc

        dataset, identity = (
            rows.column(name).cast(pa.string()) for name in ("dataset", "identity")
        )
        several = len(pc.unique(dataset)) > 1
        return pc.binary_join_element_wise(dataset, identity, "/") if several else identity

    def _is_query(self) -> np.ndarray:
        result: np.ndarray = np.array(self.rows.column("role").to_pylist()) == "query"
        return result

    def _identities(self) -> np.ndarray:
        """Return identities as text; None for a distractor, which matches no query."""
        ids = np.array(self.rows.column("identity").to_pylist(), dtype=object)
        datasets = np.array(self.rows.column("dataset").to_pylist(), dtype=object)
        named = [
            None if one is None else sampling.join_canonical(of, one)
            for of, one in zip(datasets, ids, strict=True)
        ]
        out = np.array([*named, None], dtype=object)[:-1]
        out[self._flag("is_distractor")] = None
        return out

    def _cameras(self) -> np.ndarray | None:
        column = CAMERA[self.protocol]
        return (
            None if column is None else np.array(self.rows.column(column).to_pylist(), dtype=object)
        )

    def _copies(self, manifest: "Manifest") -> dict[str, int] | None:
        return query_copies.query_copies(
            self.rows, manifest, self._identities(), self._flag("is_junk")
        )

    def warnings(self) -> list[str]:
        """Sentences on what was found when the target was opened, under its protocol."""
        sentences = target_checks.target_warnings(
            self.name, self.answerable or {}, self.leakage, self.protocol
        )
        if not isinstance(self.copies, Absent):
            queries = int(self._is_query().sum())
            sentences += query_copies.copy_warnings(self.name, self.copies, queries, self.protocol)
        return sentences

    def _flag(self, name: str) -> np.ndarray:
        if name not in self.rows.column_names:
            return np.zeros(len(self.rows), dtype=bool)
        result: np.ndarray = self.rows.column(name).fill_null(False).to_numpy(zero_copy_only=False)
        return result


def _host(features: "np.ndarray | torch.Tensor") -> np.ndarray:
    return features if isinstance(features, np.ndarray) else features.float().cpu().numpy()


def _camera_codes(
    cameras: np.ndarray, rows: np.ndarray, gallery: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Cameras as numbers, protocol.UNKNOWN_CAMERA where there is none."""
    codes = np.array(
        [protocol.UNKNOWN_CAMERA if one is None else int(one) for one in cameras], dtype=np.int64
    )
    return codes[rows], codes[gallery]


def own_test_target(split: "Split", roots: Mapping[str, Path] | None = None) -> Target | None:
    """The split's own test set as target `self`; None when the split was made without one."""
    rows = split.test()
    if not len(rows):
        return None
    record = split.record
    found = Target(
        OWN_TEST_SET,
        record.test.protocol,
        record.attribute,
        rows,
        split.roots(roots),
        record.datasets,
    )
    manifest = split.manifest() if found.protocol == "no-camera" else None
    return found if manifest is None else replace(found, copies=found._copies(manifest))


def is_own_test_set(name: str) -> bool:
    """Return True if a target is the test set of the split, re-ranked or not, or one of its
    tests."""
    return base_name(name) == OWN_TEST_SET or is_cross_level(name)


def is_cross_level(name: str) -> bool:
    """Return True if a target is a further test of the split, such as self:sunny>foggy."""
    return name.startswith(f"{OWN_TEST_SET}:")


def base_name(name: str) -> str:
    """A target's name, of which `reranked_name` may have made another."""
    return name.removesuffix(RERANKED)


def reranked_name(target: Target) -> Target:
    """Return the target under another name, with a gallery that is re-ranked with default settings
    before scoring."""
    return replace(target, name=target.name + RERANKED, rerank=RerankOptions(), **_NOT_JUDGED)


def cross_level_targets(split: "Split", roots: Mapping[str, Path] | None = None) -> list[Target]:
    """The split's further tests (make-split --cross-level-tests): rows of its test set in other
    parts."""
    import pyarrow as pa

    tests = split.tests()
    if not tests:
        return []
    rows, record, found = split.test(), split.record, []
    order = np.argsort(uids := rows.column("uid").to_numpy())
    role, places = rows.column_names.index("role"), split.roots(roots)
    datasets = record.datasets
    for name, (facts, groups) in tests.items():
        removed = [group for group in groups if len(group) and group.column("of").null_count == 0]
        both = pa.concat_tables([group for group in groups if group.column("of").null_count])
        mine = rows.take(
            pa.array(order[np.searchsorted(uids[order], both.column("uid").to_numpy())])
        )
        mine = mine.set_column(
            role, rows.field(role), both.column("role").cast(rows.field(role).type)
        )
        gone = removed[0] if removed else None
        found.append(Target(name, facts.protocol, record.attribute, mine, places, datasets, gone))
    return found


def target_of_manifest(
    name: str,
    manifest: "Manifest",
    attribute: str,
    roots: Mapping[str, Path] | None = None,
    rule: Protocol | None = None,
) -> Target:
    """Make a target of a manifest: its query and gallery roles, or one query for each identity and
    camera. `rule` is the protocol, by default that of the manifest."""
    from gprplus.splits import target_rows

    if is_own_test_set(name):
        raise SplitError(
            f"A target cannot be called '{OWN_TEST_SET}': that is the split's own test set."
        )
    rows, datasets = target_rows(manifest, rule), manifest.datasets
    protocol = (rows.schema.metadata or {}).get(b"protocol", b"camera").decode()
    moved = {dataset: roots[dataset] for dataset in datasets if roots and dataset in roots}
    found = Target(name, protocol, attribute, rows, manifest.roots(moved), datasets)
    answerable = target_checks.count_answerable(
        rows, found._identities(), found._flag("is_junk"), protocol, name
    )
    return replace(found, answerable=answerable, copies=found._copies(manifest))

"""A split on disk: members.parquet, with the rows of the arms, and split.json, with the request and
its results."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprplus import schema
from gprplus.core import sampling
from gprplus.core.declarations import attributes
from gprplus.core.errors import ManifestError, SplitError, did_you_mean, first_few
from gprplus.core.files.paths import AnyPath, as_named_paths
from gprplus.core.files.roots import recorded_root
from gprplus.core.files.signatures import file_signature
from gprplus.core.html import html_table, html_text
from gprplus.core.storage.remote_path import as_path
from gprplus.schema.split import member_columns
from gprplus.schema.split_record import LevelTest, SplitRecord
from gprplus.splits.arm import Arm
from gprplus.splits.record_file import RECORD, load_split_record
from gprplus.splits.streaming.stored_fingerprint import LATER, StoredRows

if TYPE_CHECKING:
    import pyarrow as pa

    from gprplus.baseline.reid_dataset import ReidDataset
    from gprplus.ingest import Manifest

MEMBERS = "members.parquet"
EXCLUDED = "excluded.parquet"
AGAIN = "Make the split again with --force."
AT_ONCE = 4_000_000  # rows that are verified as one table


class Split:
    """A split: its arms, and the query and gallery rows that they share.

    Attributes:
        path: The folder.
        record: What split.json holds.
        made: Whether the call that returned it built it; False for a split that existed.
    """

    def __init__(self, path: Path, record: SplitRecord, *, made: bool = False) -> None:
        self.path = path
        self.record = record
        self.made = made
        self._file = file_signature(path / MEMBERS)

    @classmethod
    def open(cls, path: AnyPath, *, made: bool = False) -> "Split":
        """Open the split in a folder.

        Raises:
            SplitError: There is none, it is of another schema, or its rows are not those that its
                record describes.
        """
        path = Path(path)
        record = load_split_record(path)
        if not (path / MEMBERS).is_file():
            raise SplitError(
                f"{path} has a {RECORD} but no {MEMBERS}. Make the split again with --force."
            )
        split = cls(path, record, made=made)
        if not made:
            split._verify()
        return split

    def __fspath__(self) -> str:
        """Return the folder, so that a split can be given wherever its path can."""
        return str(self.path)

    def __repr__(self) -> str:
        record, test = self.record, self.record.test
        arms = first_few([f"{name} {arm.images:,}" for name, arm in record.arms.items()], 6)
        head = f"Split {self.name} by {record.attribute}, design {record.design}"
        deals = f", {self.deals} deals" if self.deals > 1 else ""
        return (
            f"{head}: {len(self.arms)} arms{deals}\n  images: {arms}\n  test: {test.queries:,}"
            f" queries, {test.gallery:,} gallery images, {test.identities:,} identities"
        )

    def _repr_html_(self) -> str:
        rows = [
            [name, arm.kind, arm.images, arm.identities] for name, arm in self.record.arms.items()
        ]
        test, lines = self.record.test, repr(self).split("\n")
        rows.append(["test", f"{test.queries:,} queries", test.gallery, test.identities])
        table = html_table(["arm", "kind", "images", "identities"], rows, lines[0])
        return table + "".join(f"<p>{html_text(one)}</p>" for one in self.record.warnings)

    def _verify(self) -> None:
        """Raise SplitError where the rows are not those whose fingerprint is recorded."""
        recorded = self.record.fingerprint
        found = sampling.sha256_digest(*self._fingerprints())
        if found != recorded:
            raise SplitError(
                f"{self.path / MEMBERS} does not hold the rows that {RECORD} describes: their"
                f" fingerprint is {found[:12]}..., expected {recorded[:12]}.... Make the split"
                " again with --force."
            )

    def _fingerprints(self) -> Iterator[str]:
        """Yield the fingerprint of each deal of each arm, then that of the test set, over all
        columns of the fingerprints."""
        known = {**attributes(), **self.record.attributes}
        apart = {"path", *(name for name, one in known.items() if one.level == "identity")}
        columns = [column.name for column in self.columns if column.name not in apart]
        sizes = [deal.images for arm in self.record.arms.values() for deal in arm.every_deal]
        starts = [0, *accumulate(sizes)]
        test = self.record.test
        if starts[-1] + test.queries + test.gallery <= AT_ONCE:
            rows = self._read(0, None, columns)
            for start, size in zip(starts, [*sizes, len(rows)], strict=True):
                yield _fingerprint(rows.slice(start, size))
            return
        for start, size in zip(starts, sizes, strict=False):
            yield self._fingerprint(start, size, columns, large=size > AT_ONCE)
        large = test.queries + test.gallery > AT_ONCE
        yield self._fingerprint(starts[-1], None, columns, large=large)

    def _fingerprint(
        self, start: int, count: int | None, columns: Sequence[str], *, large: bool
    ) -> str:
        """The fingerprint of some rows, of all from `start` on where `count` is None."""
        if not large:
            return _fingerprint(self._read(start, count, columns))
        import pyarrow.parquet as pq

        path = self.path / MEMBERS
        with schema.stored.reading_table(path, SplitError, AGAIN), pq.ParquetFile(path) as file:
            rest = file.metadata.num_rows - start
            rows = StoredRows(file, start, rest if count is None else count)
            return rows.fingerprint(columns)

    @property
    def columns(self) -> tuple[schema.Column, ...]:
        """The columns of its rows: schema.MEMBERS, and the attributes of its manifest's own."""
        return member_columns(self.record.attributes)

    @property
    def name(self) -> str:
        """The name of the split: that of its folder when it was made."""
        return self.record.name

    @property
    def arms(self) -> list[str]:
        """The names of the arms, in order."""
        return list(self.record.arms)

    @property
    def deals(self) -> int:
        """Return the number of deals of the arms that differ by deal; 1 if none does."""
        return self.record.deals

    def train(self, arm: str, deal: int = 0) -> "pa.Table":
        """The training rows of one arm (schema.MEMBERS) in one deal; an arm with one deal has the
        same rows in each.

        Training seed k trains on deal k modulo `deals`.
        """
        if arm not in self.record.arms:
            raise SplitError(f"{self.path} has no arm '{arm}'. {did_you_mean(arm, self.arms)}")
        if not 0 <= deal < self.deals:
            raise SplitError(f"{self.path} has the deals 0 to {self.deals - 1}; found {deal}.")
        before = sum(
            self.record.arms[name].images_of_all_deals for name in self.arms[: self.arms.index(arm)]
        )
        sizes = [one.images for one in self.record.arms[arm].every_deal]
        place = deal if len(sizes) > 1 else 0
        return self._read(before + sum(sizes[:place]), sizes[place])

    def arm(self, name: str, deal: int = 0) -> Arm:
        """Return one arm, in one deal. Raises SplitError with the nearest name where there is none
        of that name."""
        rows = self.train(name, deal)
        known = self.record.arms[name]
        levels = known.dealt_to(deal).levels or known.levels
        return Arm(name, known.kind, tuple(levels), deal, rows, self.roots())

    def test_dataset(
        self,
        transform: Callable[[Any], Any] | None = None,
        *,
        roots: Mapping[str, AnyPath] | None = None,
    ) -> "ReidDataset":
        """Return the query and gallery images as a torch Dataset of (image, pid, camid), in the
        order of `test()`.

        `gprplus.score(split, features)` takes features in this order.

        Args:
            transform: Gets a PIL image in RGB. Without one an image is a `(3, H, W) uint8` tensor.
            roots: The folders of datasets whose images have moved, by name.
        """
        from gprplus.baseline.reid_dataset import ReidDataset

        return ReidDataset(self.test(), self.roots(as_named_paths(roots)), transform)

    def test(self) -> "pa.Table":
        """The query and gallery rows that all arms share (schema.MEMBERS); empty when the test
        share was 0."""
        return self._read(sum(arm.images_of_all_deals for arm in self.record.arms.values()))

    def tests(self) -> "dict[str, tuple[LevelTest, list[pa.Table]]]":
        """Return the tests other than `self`, by name: its record, and its groups of rows
        (schema.TESTS)."""
        from gprplus.splits.test_sets.level_test_files import TESTS, read_groups

        facts = self.record.tests
        if not facts:
            return {}
        names = list(dict.fromkeys(name for one in facts.values() for name in one.groups))
        groups = read_groups(self.path / TESTS, names)
        return {name: (one, [groups[group] for group in one.groups]) for name, one in facts.items()}

    def members(self, columns: Sequence[str] | None = None) -> "pa.Table":
        """Return all rows: those of each arm in turn, deal by deal, then the test rows."""
        return self._read(0, columns=columns)

    def roots(self, overrides: Mapping[str, Path] | None = None) -> dict[str, Path]:
        """The folder of each dataset's images; `overrides` for those that have moved."""
        overrides = overrides or {}
        datasets = self.record.datasets
        for name in overrides:
            if name not in datasets:
                raise SplitError(
                    f"{self.path} has no dataset '{name}'. {did_you_mean(name, datasets)}"
                )
        return {
            name: as_path(
                overrides.get(name) or recorded_root(self.path, facts.root, name, SplitError)
            )
            for name, facts in datasets.items()
        }

    def manifest(self) -> "Manifest | None":
        """The manifest that the split was made from; None where it has gone or holds other rows of
        a dataset now."""
        from gprplus.ingest import Manifest

        try:
            found = Manifest.open(self.path / self.record.manifest.path)
        except ManifestError:
            return None
        now = {name: about.fingerprint for name, about in found.datasets.items()}
        same = all(
            now.get(name) == facts.fingerprint for name, facts in self.record.datasets.items()
        )
        return found if same else None

    def _read(
        self, start: int, count: int | None = None, columns: Sequence[str] | None = None
    ) -> "pa.Table":
        """Return rows by position: they are sorted by arm, so that only the row groups of one need
        to be opened."""
        import pyarrow.parquet as pq

        names = list(columns or [column.name for column in self.columns])
        path = self.path / MEMBERS
        with (
            schema.stored.reading_table(path, SplitError, AGAIN),
            schema.stored.native_file(path) as opened,
            pq.ParquetFile(opened) as file,
        ):
            if file_signature(opened.fileno()) != self._file:
                raise SplitError(
                    f"{self.path} was made again while it was being read. Run the command again."
                )
            stored = file.schema_arrow.names
            there = [name for name in names if name in stored or name not in LATER]
            schema.require(stored, there, str(path), SplitError)
            sizes = [
                file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)
            ]
            stop = sum(sizes) if count is None else start + count
            edges = [0, *accumulate(sizes)]
            groups = [i for i in range(len(sizes)) if edges[i] < stop and edges[i + 1] > start]
            table = file.read_row_groups(groups, there)
        table = _filled(
            schema.stored.check_stored(table, self.columns, path, SplitError, AGAIN), names
        )
        first = edges[groups[0]] if groups else 0
        return table.slice(start - first, stop - start).replace_schema_metadata(None)


def _fingerprint(part: "pa.Table") -> str:
    """The fingerprint that `parts.MemberRows` gives to the same rows: without weights and deals
    where there are none."""
    absent = [name for name in LATER if part.column(name).null_count == len(part)]
    names = [name for name in part.column_names if name not in absent]
    return sampling.table_fingerprint(part, names)


def _filled(table: "pa.Table", names: Sequence[str]) -> "pa.Table":
    """The table with the columns of LATER that it lacks, as nulls."""
    import pyarrow as pa

    members = schema.arrow_schema(schema.MEMBERS)
    for name in names:
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(len(table), members.field(name).type))
    return table.select(list(names))

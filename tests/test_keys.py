"""Keys and draws: the mixer against its twin, bottom-k against its promises, fingerprints free of
storage."""

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gprplus.core import sampling

MASK = 2**64 - 1
u64 = st.integers(0, MASK)
distinct_keys = st.lists(u64, min_size=1, max_size=60, unique=True)


def splitmix64(value: int) -> int:
    """The finaliser in plain Python, from the paper's listing."""
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & MASK
    return value ^ (value >> 31)


def test_the_mixer_gives_the_published_sequence():
    golden, seed = 0x9E3779B97F4A7C15, 1234567
    states = np.array([(seed + (i + 1) * golden) & MASK for i in range(3)], dtype=np.uint64)
    assert sampling.splitmix64(states).tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


@given(st.lists(u64, max_size=20))
def test_the_mixer_agrees_with_its_plain_twin(values):
    assert sampling.splitmix64(np.array(values, dtype=np.uint64)).tolist() == [
        splitmix64(value) for value in values
    ]


@given(st.lists(st.text(max_size=5), max_size=10))
def test_many_text_keys_are_the_single_ones(texts):
    assert sampling.hash64_many(texts).tolist() == [sampling.hash64(text) for text in texts]


def test_keys_never_change():
    assert sampling.hash64(sampling.join_canonical("engine", "0001")) == 111577187362941081
    assert sampling.priorities(np.array([1], dtype=np.uint64), 0, "image").tolist() == [
        3231305507247946106
    ]


parts = st.lists(st.text(alphabet="a\\u\x1fé", max_size=4), min_size=1, max_size=3)


@given(parts, parts)
def test_canonical_texts_differ_where_the_parts_differ(left, right):
    clean = [[unicodedata.normalize("NFC", part) for part in side] for side in (left, right)]
    assert (sampling.join_canonical(*left) == sampling.join_canonical(*right)) == (
        clean[0] == clean[1]
    )


def test_composed_and_decomposed_letters_are_one_name():
    assert sampling.join_canonical("Zoe\u0308") == sampling.join_canonical("Zoë")


@given(distinct_keys, st.integers(0, 5), st.data())
def test_draws_are_nested_and_free_of_order(items, seed, data):
    small, large = sorted(data.draw(st.tuples(*[st.integers(0, len(items))] * 2)))
    shuffled = data.draw(st.permutations(items))
    first, second = np.array(items, dtype=np.uint64), np.array(shuffled, dtype=np.uint64)
    drawn = {
        size: first[sampling.bottom_k(sampling.priorities(first, seed, "image"), size, first)]
        for size in (small, large)
    }
    again = second[sampling.bottom_k(sampling.priorities(second, seed, "image"), large, second)]
    assert drawn[large].tolist()[:small] == drawn[small].tolist()
    assert drawn[large].tolist() == again.tolist()


@given(distinct_keys, st.lists(u64, max_size=15, unique=True), st.integers(0, 40))
def test_newcomers_change_no_more_members_than_there_are_newcomers(items, newcomers, size):
    newcomers = [key for key in newcomers if key not in items]
    drawn = []
    for population in (items, items + newcomers):
        array = np.array(population, dtype=np.uint64)
        drawn.append(
            set(
                array[
                    sampling.bottom_k(sampling.priorities(array, 0, "identity"), size, array)
                ].tolist()
            )
        )
    size = min(size, len(items))
    assert len(drawn[0] - drawn[1]) <= len(newcomers)
    assert len(drawn[0]) == size


def test_equal_priorities_are_settled_by_the_key():
    priority, tie = np.zeros(3, dtype=np.uint64), np.array([9, 3, 5], dtype=np.uint64)
    assert sampling.bottom_k(priority, 2, tie).tolist() == [1, 2]


def test_priorities_are_uniform_and_streams_independent():
    count = 20_000
    items = sampling.hash64_many(f"image {i}" for i in range(count))
    draws = {
        s: sampling.to_unit_interval(sampling.priorities(items, *s))
        for s in [(0, "image"), (1, "image"), (0, "side")]
    }
    for draw in draws.values():
        assert draw.min() >= 0
        assert draw.max() < 1
        largest_gap = np.abs(np.sort(draw) - (np.arange(count) + 0.5) / count).max()
        assert largest_gap < 2.0 / np.sqrt(
            count
        )  # Kolmogorov-Smirnov: passed by all but one in 1,000 fair draws
    matrix = np.corrcoef(list(draws.values()))
    assert np.abs(matrix - np.eye(3)).max() < 4 / np.sqrt(count)


def test_consecutive_keys_scatter_as_well_as_hashed_ones():
    draw = sampling.to_unit_interval(
        sampling.priorities(np.arange(20_000, dtype=np.uint64), 0, "image")
    )
    assert np.histogram(draw, bins=20, range=(0, 1))[0].min() > 850


def test_digest_knows_where_its_parts_end():
    assert sampling.sha256_digest("ab", "c") != sampling.sha256_digest("a", "bc")
    assert sampling.sha256_digest("ab") == sampling.sha256_digest(b"ab")


rows = st.lists(
    st.tuples(st.sampled_from(["a", "b", "é", "", None]), st.one_of(st.none(), st.integers(-3, 3))),
    min_size=1,
    max_size=12,
)


def stored(values, words=None, cut: int = 0, names=("word", "number")) -> pa.Table:
    table = pa.table(
        {
            names[0]: pa.array([w for w, _ in values], words or pa.string()),
            names[1]: pa.array([n for _, n in values], pa.int32()),
        }
    )
    return pa.concat_tables([table.slice(0, cut), table.slice(cut)])


@settings(deadline=None)
@given(rows, st.data())
def test_fingerprints_are_free_of_how_arrow_stores_the_rows(values, data):
    cut = data.draw(st.integers(0, len(values)))
    plain = sampling.table_fingerprint(stored(values))
    large = stored(values, pa.large_string(), cut)
    backwards = pa.array([word for word, _ in reversed(values)]).dictionary_encode()
    turned = stored(values).set_column(
        0, "word", backwards.take(pa.array(range(len(values))[::-1]))
    )
    assert sampling.table_fingerprint(large) == plain
    assert sampling.table_fingerprint(turned) == plain
    assert (
        sampling.table_fingerprint(stored(values, pa.dictionary(pa.int32(), pa.string()), cut))
        == plain
    )


@settings(deadline=None)
@given(rows, rows)
def test_fingerprints_differ_where_rows_differ(left, right):
    same = sampling.table_fingerprint(stored(left)) == sampling.table_fingerprint(stored(right))
    assert same == (left == right)


def test_fingerprints_see_names_columns_and_empty_tables():
    values = [("a", 1), ("b", None)]
    plain = sampling.table_fingerprint(stored(values))
    assert sampling.table_fingerprint(stored(values, names=("word", "count"))) != plain
    assert sampling.table_fingerprint(stored(values), ["word"]) != plain
    assert sampling.table_fingerprint(stored(values).slice(0, 0)) != plain
    assert sampling.table_fingerprint(stored(values).slice(0, 0)) == sampling.table_fingerprint(
        stored([("z", 9)]).slice(0, 0)
    )


@pytest.mark.parametrize(("absent", "present"), [(None, 0), (None, "")], ids=["zero", "empty text"])
def test_null_is_no_value(absent, present):
    kind = pa.int64() if present == 0 else pa.string()
    prints = {
        sampling.table_fingerprint(pa.table({"x": pa.array([value], kind)}))
        for value in (absent, present)
    }
    assert len(prints) == 2

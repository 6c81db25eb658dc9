"""Texts as numbers: equal and in order exactly where the texts are, back again without loss, refused where too long."""

import uuid

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.features.records.columns import rank
from lifecycle.features.records.packed_text import pack

TEXTS = st.lists(st.text(st.sampled_from("07aB-é\x00€"), max_size=5), min_size=1, max_size=40)


def in_bytes(texts: list[str]) -> list[bytes]:
    return [text.encode() for text in texts]


@settings(deadline=None)
@given(TEXTS, st.sampled_from([pa.string(), pa.large_string()]))
def test_numbers_are_equal_and_in_order_where_texts_are(texts: list[str], kind: pa.DataType) -> None:
    packed = pack(pa.array(texts, kind))
    assert packed is not None
    distinct = sorted(set(in_bytes(texts)))
    ranks = np.unique(packed.numbers, return_inverse=True)[1]
    assert ranks.tolist() == [distinct.index(text) for text in in_bytes(texts)]
    assert packed.packing.unpack(packed.numbers).to_pylist() == texts


@settings(deadline=None)
@given(TEXTS, st.integers(0, 5))
def test_a_slice_is_packed_as_the_slice_alone(texts: list[str], start: int) -> None:
    part = pa.array(texts).slice(start)
    packed = pack(part)
    assert (packed is None) == (len(part) == 0)
    if packed is not None:
        assert packed.packing.unpack(packed.numbers).to_pylist() == texts[start:]


def test_a_common_prefix_and_digits_give_numbers_without_gaps() -> None:
    packed = pack(pa.array([f"customer-{i:05d}" for i in range(100_000)]))
    assert packed is not None
    np.testing.assert_array_equal(packed.numbers, np.arange(100_000))


def test_the_largest_numbers_still_fit_and_the_next_do_not() -> None:
    digits = "0123456789"
    most = [c * 18 for c in digits] + ["4" * 18]
    packed = pack(pa.array(most))
    assert packed is not None and packed.numbers.tolist() == [int(text) for text in most]
    assert pack(pa.array([c * 19 for c in digits])) is None, "10 to the 19th is beyond 63 bits"
    assert pack(pa.array(["x" * 65, "y"])) is None
    assert pack(pa.array(["a", None])) is None
    assert pack(pa.array([], pa.string())) is None


@pytest.mark.parametrize("ids", ["irregular", "spread", "dense"])
def test_ids_are_ranked_alike_whether_they_pack_or_not(ids: str) -> None:
    rng = np.random.default_rng(5)
    numbers = rng.integers(0, 2**40, 300)
    made = {
        "irregular": [str(uuid.UUID(int=int(n) ** 3)) for n in numbers],
        "spread": [f"{n:x}" for n in numbers],
        "dense": [f"k{n % 500}" for n in numbers],
    }[ids]
    texts = [made[i] for i in rng.integers(0, 300, 2_000)]
    names, place = rank(pa.array(texts))
    assert names.to_pylist() == sorted(set(texts))
    assert [names[int(i)].as_py() for i in place] == texts

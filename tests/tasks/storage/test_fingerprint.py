"""Keys are the same on every machine, and refuse what has no stable form."""

import hashlib

import pytest

from tasks.storage.fingerprint import canonical_json, doc_id_of, key_of, rows_digest


def test_equal_values_give_equal_text_whatever_their_order() -> None:
    assert canonical_json({"b": 1, "a": [True, None, "中"]}) == '{"a":[true,null,"中"],"b":1}'


@pytest.mark.parametrize("unstable", [{1, 2}, object(), b"bytes", float("nan")])
def test_values_without_a_stable_form_are_refused(unstable: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        canonical_json({"x": unstable})


def test_a_key_is_the_first_128_bits_of_sha256() -> None:
    assert key_of({"a": 1}) == hashlib.sha256(b'{"a":1}').hexdigest()[:32]


def test_the_order_of_rows_does_not_change_their_digest_but_their_values_do() -> None:
    rows = [{"id": b"\x01", "n": 1}, {"id": b"\x02", "n": 2}]
    assert rows_digest(rows) == rows_digest(reversed(rows))
    assert rows_digest(rows) != rows_digest([rows[0], {"id": b"\x02", "n": 3}])


def test_a_doc_id_is_known_in_advance() -> None:
    expected = hashlib.sha256(b'["web","http://example.com/"]').digest()[:16]
    assert doc_id_of("web", "http://example.com/") == expected

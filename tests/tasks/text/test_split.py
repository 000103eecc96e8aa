import hashlib

import pytest

from pipeline_config.split import SplitConfig
from tasks.text.split import split_of


def _ids(num: int) -> list[bytes]:
    return [hashlib.sha256(str(number).encode()).digest()[:16] for number in range(num)]


def test_shares_come_out_as_asked() -> None:
    config = SplitConfig(validation_share=0.1, test_share=0.2)
    sides = [split_of(doc_id, config) for doc_id in _ids(5_000)]
    # Three standard deviations of a binomial share at n = 5,000 are 0.017 and 0.013.
    assert sides.count("test") / 5_000 == pytest.approx(0.2, abs=0.017)
    assert sides.count("validation") / 5_000 == pytest.approx(0.1, abs=0.013)


def test_a_document_stays_on_its_side_when_the_validation_share_grows() -> None:
    small, large = SplitConfig(validation_share=0.01), SplitConfig(validation_share=0.1)
    for doc_id in _ids(500):
        if split_of(doc_id, small) != "train":
            assert split_of(doc_id, large) == split_of(doc_id, small)


def test_sides_are_the_same_on_every_machine() -> None:
    # `printf 'chatmill-1' | cat - <(head -c 16 /dev/zero) | sha256sum` begins with b3b4de: 0.70198 of the whole range.
    assert split_of(bytes(16), SplitConfig(test_share=0.5, validation_share=0.19)) == "train"
    assert split_of(bytes(16), SplitConfig(test_share=0.5, validation_share=0.21)) == "validation"


def test_another_salt_draws_another_split() -> None:
    one, other = SplitConfig(salt="a", test_share=0.3), SplitConfig(salt="b", test_share=0.3)
    assert [split_of(i, one) for i in _ids(100)] != [split_of(i, other) for i in _ids(100)]


def test_nothing_is_held_out_for_validation_at_share_zero() -> None:
    config = SplitConfig(validation_share=0.0, test_share=0.1)
    assert "validation" not in {split_of(doc_id, config) for doc_id in _ids(500)}


def test_shares_that_leave_nothing_to_train_on_are_refused() -> None:
    with pytest.raises(ValueError, match="lower one of them"):
        SplitConfig(validation_share=0.5, test_share=0.4)

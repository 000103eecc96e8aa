from tasks.text.words import split_words


def test_english_words_carry_their_punctuation() -> None:
    assert split_words("Well, it's  a-b\n\nc.", "ideograph") == ["Well,", "it's", "a-b", "c."]


def test_each_chinese_character_is_a_word_with_the_punctuation_around_it() -> None:
    assert split_words("“你好”，世界！", "ideograph") == ["“你", "好”，", "世", "界！"]


def test_mixed_text_follows_both_rules() -> None:
    assert split_words("我用Python 3写的 code。", "ideograph") == ["我", "用", "Python", "3", "写", "的", "code。"]


def test_kana_count_as_characters_and_hangul_as_words() -> None:
    assert split_words("カタかな 한국어", "ideograph") == ["カ", "タ", "か", "な", "한국어"]


def test_white_space_alone_separates_where_that_is_the_rule() -> None:
    assert split_words("你好， 世界 ok", "whitespace") == ["你好，", "世界", "ok"]


def test_no_text_has_no_words() -> None:
    assert split_words("", "ideograph") == []

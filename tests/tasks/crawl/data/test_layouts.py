import pytest

from tasks.crawl.data.layouts import LayoutError, Piece, pieces_of


def tagged(*lines: str) -> str:
    """Each character a word of its own, as `字/n  字/n`."""
    return "\n".join("  ".join(f"{character}/n" for character in line) for line in lines)


def test_json_list_gives_a_document_an_item_and_its_first_line_as_title() -> None:
    text = '["第一回 桃园\\n\\n话说天下大势。", "no title\\nsecond line", 5, ""]'
    assert list(pieces_of(text, "json-list")) == [
        Piece("第一回 桃园\n\n话说天下大势。", "第一回 桃园"),
        Piece("no title\nsecond line", None),
        Piece(None),
        Piece("", None),
    ]


@pytest.mark.parametrize("text", ["", "{}", '"text"', "[", "[" * 100_000])
def test_what_is_no_json_array_is_refused(text: str) -> None:
    with pytest.raises(LayoutError):
        list(pieces_of(text, "json-list"))


def test_words_are_joined_and_their_tags_left_out() -> None:
    text = "迈向/v  充满/v  希望/n  的/u  新/a  世纪/n\n在/p  １９９８年/t  ，/w  [中央/n  电视台/n]nt  //w  [/w  。/w"
    assert list(pieces_of(text, "pku-tagged")) == [
        Piece("迈向充满希望的新世纪\n\n在１９９８年，中央电视台/[。", "迈向充满希望的新世纪")
    ]


def test_articles_begin_at_headlines_that_follow_a_sentence() -> None:
    text = tagged(
        "李鹏在北京考察企业",  # headline
        "向广大职工祝贺新年",  # its second line
        "李鹏说：“好。”",
        "（本报记者摄）",  # a note belongs to what is above
        "挂起红灯迎新年（图片）",  # headline: the note at its end does not count
        "元旦来临，张灯结彩！",
        "很" * 61,  # too long for a headline
        "新闻：",  # goes on
        "胜利油田产油创新高",
        "周德武",  # the author
        "产油一百万吨。",
    )
    titles = [piece.title for piece in pieces_of(text, "pku-tagged")]
    assert titles == ["李鹏在北京考察企业", "挂起红灯迎新年（图片）", "胜利油田产油创新高"]
    texts = [(piece.text or "").split("\n\n") for piece in pieces_of(text, "pku-tagged")]
    assert [len(paragraphs) for paragraphs in texts] == [4, 4, 3]


def test_headlines_that_end_lively_need_a_dateline_or_a_name_below() -> None:
    text = tagged(
        "北京举行新年音乐会",
        "（附图片１张）",  # a note between two lines of one headline
        "（新华社记者摄）",
        "辞旧迎新",
        "音乐会很好。",
        "多点挣钱门路才好！",
        "本报讯今天天气好。",
        "电脑治了“说情风”",
        "李峰",
        "问题很多。",
        "谢谢！",
        "大家都说谢谢！谢谢！",
        "“好！”",
        "他说。",
    )
    articles = [(piece.title, (piece.text or "").count("\n\n") + 1) for piece in pieces_of(text, "pku-tagged")]
    assert articles == [("北京举行新年音乐会", 5), ("多点挣钱门路才好！", 2), ("电脑治了“说情风”", 7)]


def test_first_paragraph_that_is_a_sentence_is_no_title() -> None:
    assert [piece.title for piece in pieces_of(tagged("今天天气好。", "明天也好。"), "pku-tagged")] == [None]


def test_article_numbers_decide_where_there_are_any() -> None:
    text = "\n".join(
        [
            "19980101-01-001-001/m  标题/n",
            "19980101-01-001-002/m  第一/m  段/q  。/w",
            "19980101-01-001-003/m  小/a  标题/n",  # would divide without numbers
            "",
            "19980101-01-002-001/m  二/m  。/w",
        ]
    )
    assert [piece.text for piece in pieces_of(text, "pku-tagged")] == ["标题\n\n第一段。\n\n小标题", "二。"]


def test_text_without_tags_is_refused() -> None:
    with pytest.raises(LayoutError, match="1 of 4 words have a tag"):
        list(pieces_of("an untagged and/or text", "pku-tagged"))

"""Which lines of a page's main content are no content after all: notices, teasers, labels of buttons, a page's tail.

The extractor before has judged blocks by their names in the markup; what it lets pass shows itself in the lines. Prose
holds: a long line that is not a link, or one that ends like a sentence. Between the first and the last of those, only
what is known to be no content goes; outside of them nothing but the headings above stays.

The lists of words are short on purpose and hold what many sites in English and Chinese share.
"""

import re
from collections.abc import Sequence

from tasks.clean.page_lines import PageLine

_LABEL_WEIGHT = 25
_SHORT_WEIGHT = 80
_NOTICE_WEIGHT = 300
_LONG_WEIGHT = 150
_ONLY_LINKS_SHARE = 0.95
_SENTENCE_LINK_WEIGHT = 60
_MAX_SHARE_ABOVE_TITLE = 0.1

_NOTICE = re.compile(
    r"\bcookies?\b.{0,100}\b(?:accept|agree|consent|settings|policy|browser|site|website)\b"
    r"|\b(?:accept|agree|consent|uses?|using)\b.{0,60}\bcookies?\b"
    r"|\ball rights reserved\b|^\W*(?:copyright|©|\(c\))|©\s?\d{4}|(?:enable|requires?) javascript"
    r"|版权所有|版權所有|icp[备備]|未经授权|责任编辑|責任編輯|扫码|扫一扫|公网安备"
)
_NOTICE_HINTS = (
    *("cookie", "reserved", "copyright", "©", "(c)", "javascript"),
    *("版权", "版權", "icp", "授权", "编辑", "編輯", "扫", "公网安备"),
)
"""One of them stands in each notice; looking for them is ten times quicker than the expression."""
_LABEL = re.compile(
    r"^\W*(?:advertisements?|sponsored(?: content)?|report this ad|share(?: this)?|tweet|print|e-?mail|save|close|"
    r"skip to .{1,30}|jump to.{0,30}|back to top|read (?:more|next)|more|next|previous|loading|sign (?:in|up)|log ?in|"
    r"subscribe|follow us|\d+ (?:comments?|shares?)|anzeige|publicit[éy]|publicidad|广告|廣告|分享到?|登录|登入|收藏|"
    r"返回首页|返回顶部|打印)\W*$",
    re.IGNORECASE,
)
_RELATED = re.compile(
    r"^\W*(?:related\b(?! to)|read (?:more|next|also)|more (?:from|on|stories|news|articles|posts|like this)\b|"
    r"recommended(?: for you| reading| stories)?\W*$|you (?:may|might) (?:also )?(?:like|enjoy|be interested)|"
    r"most (?:read|popular|viewed|shared)|trending|popular (?:posts|articles|stories|now)|"
    r"(?:latest|recent) (?:posts|news|articles|stories|comments)|leave a (?:reply|comment)|"
    r"share this|about the author|follow us|(?:our |the )?newsletter|subscribe to|sign up for|"
    r"(?:from )?around the web|comments?\W*\d*\W*$|tags?:|topics?:|filed under|posted in|"
    r"相关(?:阅读|文章|新闻|推荐|链接)|相關(?:文章|新聞|閱讀)|推荐阅读|推薦閱讀|热门|熱門|最新文章|延伸阅读|延伸閱讀|"
    r"猜你喜欢|编辑推荐|网友评论|发表评论|發表評論)",
    re.IGNORECASE,
)


def main_lines(lines: Sequence[PageLine]) -> list[PageLine]:
    """The lines that are content; all of them where none is prose."""
    kept = _from_title(_without_related(_without_notices(lines)))
    is_prose = [line.is_prose for line in kept]
    if True not in is_prose:
        return list(lines)
    first, last = is_prose.index(True), len(kept) - 1 - is_prose[::-1].index(True)
    head = [line for line in kept[:first] if line.kind == "heading"]
    body = _without_labels(kept[first : last + 1])
    return _without_empty_sections([*head, *body, *_end_of_list(kept[last:])])


def _from_title(lines: list[PageLine]) -> list[PageLine]:
    """Without what stands above the page's first title of the highest level, unless it has much of the prose."""
    title = next((number for number, line in enumerate(lines) if line.level == 1), 0)
    weights = [line.weight if line.is_prose else 0 for line in lines]
    return lines[title:] if sum(weights[:title]) <= _MAX_SHARE_ABOVE_TITLE * sum(weights) else lines


def _without_notices(lines: Sequence[PageLine]) -> list[PageLine]:
    page = "\n".join([line.text for line in lines]).lower()
    hints = [hint for hint in _NOTICE_HINTS if hint in page]
    return [line for line in lines if not _is_notice(line, hints)]


def _is_notice(line: PageLine, hints: Sequence[str]) -> bool:
    """Whether a line is one; `hints` are those of `_NOTICE_HINTS` that stand anywhere on the page."""
    if line.kind == "code" or line.weight >= _NOTICE_WEIGHT:
        return False
    if (
        line.link_share >= _ONLY_LINKS_SHARE
        and line.kind != "heading"
        and not (line.is_ended and line.weight >= _SENTENCE_LINK_WEIGHT)
    ):
        return True
    if line.weight < _SHORT_WEIGHT and _LABEL.match(line.text):
        return True
    if not hints:
        return False
    text = line.text.lower()
    return any(hint in text for hint in hints) and _NOTICE.search(text) is not None


def _without_related(lines: Sequence[PageLine]) -> list[PageLine]:
    """Without what follows a title such as «Related», up to the next heading, long text, or prose after prose."""
    kept: list[PageLine] = []
    is_related = was_prose = False
    for line in lines:
        if line.weight < _SHORT_WEIGHT and line.kind != "code" and _RELATED.match(line.text):
            is_related = True
        elif line.kind == "heading" or (line.is_prose and (was_prose or line.weight >= _LONG_WEIGHT)):
            is_related = False
        was_prose = line.is_prose
        if not is_related:
            kept.append(line)
    return kept


def _without_labels(lines: Sequence[PageLine]) -> list[PageLine]:
    """Without short plain lines, unless what follows is longer: then they are a kind of heading."""
    kept: list[PageLine] = []
    for number, line in enumerate(lines):
        if _is_label(line) and (number + 1 == len(lines) or _is_label(lines[number + 1])):
            continue
        kept.append(line)
    return kept


def _is_label(line: PageLine) -> bool:
    return line.kind == "plain" and not line.is_joined and not line.is_ended and line.weight < _LABEL_WEIGHT


def _end_of_list(lines: Sequence[PageLine]) -> list[PageLine]:
    """The items, rows and broken lines that go on right behind the last prose, which is the first of `lines`."""
    end: list[PageLine] = []
    for line in lines[1:]:
        if line.kind not in {"item", "row"} and not line.is_joined:
            break
        end.append(line)
    return end


def _without_empty_sections(lines: Sequence[PageLine]) -> list[PageLine]:
    """Without headings that have no text before the next heading of their level or a higher one."""
    kept: list[PageLine] = []
    level_below = 0
    for line in reversed(lines):
        if line.kind != "heading":
            level_below = 7
        elif line.level >= level_below:
            continue
        else:
            level_below = line.level
        kept.append(line)
    return kept[::-1]

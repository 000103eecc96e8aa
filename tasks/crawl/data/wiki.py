"""Dumps of wikis → raw/: the words of each article, read as a stream."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from urllib.parse import quote

from pipeline_config.data_source import WikiSource
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import BadInputError
from tasks.crawl.data.folder_files import url_base_of
from tasks.crawl.data.large_files import BrokenFileError, DataFile, digest_of, list_data_files, open_unpacked
from tasks.crawl.data.wiki_dump import WikiDump, WikiPage
from tasks.crawl.data.wikitext import NAMESPACES_OUT, plain_text
from tasks.crawl.failures import Failure, LeftOut
from tasks.crawl.parts import PLAIN_TEXT, PLAIN_TEXT_AS_IT_IS, Reading, Text, part_call
from tasks.crawl.urls import canonical_url
from tasks.storage.stage import StageCall
from tasks.text.normalise import CODE_MARK, normalise_page

STAGE_VERSION = 2
_SETTINGS = {"name", "form", "source_kind", "licence", "site"}
_LIMITS = {"glob", "namespaces", "max_pages", "max_page_bytes"}
_UNESCAPED = ";@$!*(),/~:-._"
"""As MediaWiki writes titles in addresses. Source: wfUrlencode in its GlobalFunctions.php."""


def plan_read_wiki(source: WikiSource, previous: ArtifactRef | None = None) -> StageCall:
    """Takes the articles of a folder's dumps in: all of them, or what is new and what is gone since an earlier part.

    Args:
        source: The folder.
        previous: The last part of the same source, by the same settings; None takes everything.

    Raises:
        BadInputError: The folder is missing, or a file cannot be read; when it is built: a dump does not say where its
            wiki is.
        EmptyInputError: No file matches; or, when it is built, no page holds a text.
    """
    files = list_data_files(source, source.glob)
    settings = source.model_dump(mode="json")
    return part_call(
        source,
        previous,
        stage="read_wiki",
        stage_version=STAGE_VERSION,
        settings={name: value for name, value in settings.items() if name in _SETTINGS},
        occasion={"files": digest_of(files), **{name: settings[name] for name in sorted(_LIMITS)}},
        read=partial(_read, source, files),
    )


def page_url(site: str, title: str) -> str:
    """The address of the page with that title."""
    return site + quote(title.replace(" ", "_"), safe=_UNESCAPED)


def wiki_texts(files: list[DataFile], source: WikiSource, left_out: LeftOut, totals: Counter[str]) -> Iterator[Text]:
    """The articles of all dumps in order, `max_pages` at most; what is no article is counted.

    Raises:
        BadInputError: A dump does not say where its wiki is, and neither does the source; or a file was changed.
    """
    num_texts = 0
    for file in files:
        for text in _dump_texts(file, source, left_out, totals):
            yield text
            num_texts += 1
            if num_texts == source.max_pages:
                return


def _dump_texts(file: DataFile, source: WikiSource, left_out: LeftOut, totals: Counter[str]) -> Iterator[Text]:
    num_pages = 0
    with open_unpacked(file.path) as opened:
        dump = WikiDump(opened, source.max_page_bytes)
        try:
            for page in dump.pages():
                num_pages += 1
                site = source.site or dump.site.base
                if site is None:
                    raise BadInputError(
                        f"{file.path}: found no <base> that says where the wiki is; set site to what a title stands "
                        "behind, e.g. https://en.wikipedia.org/wiki/"
                    )
                text = _text(page, site, NAMESPACES_OUT | dump.site.namespaces_out, source, left_out)
                if text is not None:
                    yield text
        except BrokenFileError as error:
            place = url_base_of(source) + file.name
            left_out.add(Failure(place, error.reason, f"after page {num_pages}: {error.detail}"))
        finally:
            totals["num_pages"] += num_pages
    file.check_unchanged()


def _text(
    page: WikiPage, site: str, namespaces_out: frozenset[str], source: WikiSource, left_out: LeftOut
) -> Text | None:
    if page.namespace not in source.namespaces or page.is_redirect or page.model != "wikitext":
        other = "redirect" if page.is_redirect else "other_model"
        left_out.count("other_namespace" if page.namespace not in source.namespaces else other)
        return None
    url = page_url(site, page.title)
    if not page.title:
        left_out.add(Failure(url, "no_title", "a page without a title has no address"))
    elif page.is_too_large or len(page.wikitext.encode()) > source.max_page_bytes:
        left_out.add(Failure(url, "too_large", f"more than {source.max_page_bytes} bytes of wikitext"))
    elif not (words := plain_text(page.wikitext, namespaces_out)):
        left_out.add(Failure(url, "empty_body", f"{len(page.wikitext)} characters of wikitext hold no words"))
    else:
        has_code = CODE_MARK in words
        return Text(
            url,
            (normalise_page(words)[0] if has_code else words).encode(),
            PLAIN_TEXT_AS_IT_IS if has_code else PLAIN_TEXT,
            title=page.title,
            published_at=page.revised_at,
            catalogue_id=canonical_url(url),
        )
    return None


def _read(source: WikiSource, files: list[DataFile]) -> Reading:
    left_out = LeftOut()
    totals: Counter[str] = Counter(num_files=len(files))
    return Reading(
        wiki_texts(files, source, left_out, totals),
        left_out,
        totals,
        cure="name dumps of whole articles, pages-articles*.xml.bz2, and namespaces that they hold",
        unit="articles",
        num_expected=source.max_pages,
    )

"""What sources that are asked over HTTP would fetch, and what is wrong with them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from pipeline_config.crawl import FeedSource, FetchConfig, FollowConfig, HttpSource, WebSource
from tasks.contracts.errors import PipelineError
from tasks.crawl.failures import Failure
from tasks.crawl.findings import NUM_SHOWN, Finding, SourceCheck, and_more, examples, first_ones, numbered
from tasks.crawl.web.addresses import refused_name
from tasks.crawl.web.seeds import listed_seeds, sift_seeds

_TAKEN = {
    "auto": "each entry's own text where it is a whole article, else its page",
    "page": "the page of each entry",
    "feed": "each entry's own text",
}


def check_web(source: WebSource, fetch: FetchConfig) -> SourceCheck:
    """Which addresses are asked for, what is followed, and how long the listed ones take at least."""
    findings: list[Finding] = []
    try:
        listed = listed_seeds(source)
    except PipelineError as error:
        return SourceCheck(source, (), (Finding(True, str(error)),))
    seeds = _sifted(listed, "address", "addresses", source, findings)
    sitemaps = _sifted(source.sitemaps, "sitemap", "sitemaps", source, findings)
    asked = seeds[: source.max_pages]
    facts = []
    if listed:
        limit = "" if len(asked) == len(seeds) else f", the first {len(asked):,} of them asked (max_pages)"
        facts += [("addresses", f"{len(seeds):,} listed{limit}"), ("", examples(seeds)), ("hosts", _hosts(asked))]
    if sitemaps:
        facts += [("sitemaps", f"{len(sitemaps):,} listed"), ("", examples(sitemaps))]
    limit = f"; at most {source.max_pages:,} addresses in all" if source.max_pages else ""
    facts += [("follows", _follows(source.follow, bool(sitemaps)) + limit), ("pace", _pace(asked, source, fetch))]
    return SourceCheck(source, tuple(facts), tuple(findings))


def check_feed(source: FeedSource, fetch: FetchConfig) -> SourceCheck:
    """Which feeds are asked for, and what is taken of them."""
    findings: list[Finding] = []
    feeds = _sifted(source.feeds, "feed", "feeds", source, findings)
    facts = (
        ("feeds", f"{len(feeds):,} listed"),
        ("", examples(feeds)),
        ("hosts", _hosts(feeds)),
        ("articles", f"{_TAKEN[source.articles]}, the newest {source.max_articles:,} at most"),
        ("pace", _pace(feeds, source, fetch)),
    )
    return SourceCheck(source, facts, tuple(findings))


def _sifted(
    listed: tuple[str, ...], one: str, many: str, source: HttpSource, findings: list[Finding]
) -> tuple[str, ...]:
    """The addresses that would be asked for; what is wrong with the others is added to the findings."""
    distinct, left_out = sift_seeds(listed)
    by_reason: dict[str, list[Failure]] = {}
    for failure in left_out:
        by_reason.setdefault(failure.reason, []).append(failure)
    if found := by_reason.get("invalid_url"):
        findings.append(
            Finding(
                True, f"{numbered(len(found), one, many)} cannot be asked for: {first_ones(f.detail for f in found)}"
            )
        )
    if found := by_reason.get("duplicate_seed"):
        texts = (f"{f.url} ({f.detail})" if not f.detail.endswith(f" {f.url}") else f.url for f in found)
        findings.append(Finding(False, f"{numbered(len(found), one, many)} listed before: {first_ones(texts)}"))
    private = [why for host in _count_hosts(distinct) if (why := _refusal(host, source))]
    if private:
        text = f"{numbered(len(private), 'host', 'hosts')} would be refused: {first_ones(private)}"
        findings.append(Finding(True, f"{text}; correct the {many}, or name them in allow_private"))
    return distinct


def _refusal(host: str, source: HttpSource) -> str | None:
    refusal = None if host in source.allow_private else refused_name(host)
    return refusal if refusal is None or host in refusal else f"{host}: {refusal}"


def _follows(follow: FollowConfig | None, has_sitemaps: bool) -> str:
    if follow is None:
        return f"nothing: the listed addresses{', and what the sitemaps name' if has_sitemaps else ' only'}"
    ways = [f"links up to {follow.max_depth} deep"] if follow.has_links else []
    ways += ["the sitemaps that robots.txt names, or else /sitemap.xml"] if follow.has_sitemaps else []
    hosts = "on hosts of listed addresses only" if follow.hosts == "seeds" else f"on up to {follow.max_hosts:,} hosts"
    parts = [f"{' and '.join(ways) or 'nothing'}, {hosts}, up to {follow.max_pages_per_host:,} addresses a host"]
    parts += [f"only what matches {_either(follow.include)}"] if follow.include else []
    parts += [f"not what matches {_either(follow.exclude)}"] if follow.exclude else []
    return "; ".join(parts)


def _either(patterns: Sequence[str]) -> str:
    return " or ".join(patterns)


def _pace(asked: Sequence[str], source: HttpSource, fetch: FetchConfig) -> str:
    delay_s = fetch.delay_s if source.delay_s is None else source.delay_s
    pace = f"{delay_s:g} s between requests to a host"
    hosts = _count_hosts(asked)
    if not hosts or delay_s == 0.0:
        return pace
    host, num_addresses = hosts.most_common(1)[0]
    least = _duration((num_addresses - 1) * delay_s)
    return f"{pace}; what is listed takes at least {least} ({numbered(num_addresses, 'request', 'requests')} to {host})"


def _count_hosts(urls: Iterable[str]) -> Counter[str]:
    return Counter(urlsplit(url.strip()).hostname or "" for url in urls)


def _hosts(urls: Sequence[str]) -> str:
    hosts = _count_hosts(urls)
    names = [f"{name} ({count:,})" for name, count in hosts.most_common(NUM_SHOWN)]
    return f"{len(hosts):,}: {', '.join(names)}{and_more(len(hosts))}"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"

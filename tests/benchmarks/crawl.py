"""Pages a second of a crawl against bare Scrapy with the same settings, on a local site, in the same run.

`python -m tests.benchmarks.crawl` prints one JSON object on standard output, all else on standard error. Each crawl is
a process of its own and is measured from its start to its end; ours has written its artifact by then, Scrapy's has
counted the pages. Both follow all links, ask for robots.txt, and run as many requests at a time.
"""

import argparse
import asyncio
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NUM_PAGES = 5_000
LINKS_PER_PAGE = 20
WORDS_PER_PAGE = 600
CONCURRENCY = 16

_OURS = """
import sys
from pipeline_config.crawl import CrawlLaunch, FetchConfig, FollowConfig, WebSource
from tasks.crawl.web.crawl import plan_crawl_web
from tasks.storage.stage import settle
from tasks.storage.store import Store

root, base, concurrency = sys.argv[1:]
source = WebSource(
    name="web",
    seeds=(f"{base}/0",),
    follow=FollowConfig(has_sitemaps=False, max_depth=100, max_pages_per_host=1_000_000),
    allow_private=("127.0.0.1",),
)
launch = CrawlLaunch(concurrency=int(concurrency), per_host_concurrency=int(concurrency))
manifest = settle(Store(root), plan_crawl_web(source, "day-1", FetchConfig(delay_s=0), launch)).manifest
print(manifest.totals["num_pages"])
"""

_SCRAPY = """
import sys
from scrapy.crawler import CrawlerProcess
from scrapy.linkextractors import LinkExtractor
from scrapy.spiders import CrawlSpider, Rule

root, base, concurrency = sys.argv[1:]

class Bare(CrawlSpider):
    name = "bare"
    start_urls = [f"{base}/0"]
    rules = (Rule(LinkExtractor(), callback="take", follow=True),)
    num_pages = 0

    def parse_start_url(self, response):
        self.take(response)
        return []

    def take(self, response):
        Bare.num_pages += len(response.body) > 0

process = CrawlerProcess({
    "ROBOTSTXT_OBEY": True,
    "CONCURRENT_REQUESTS": int(concurrency),
    "CONCURRENT_REQUESTS_PER_DOMAIN": int(concurrency),
    "DOWNLOAD_DELAY": 0,
    "LOG_LEVEL": "WARNING",
    "TELNETCONSOLE_ENABLED": False,
})
process.crawl(Bare)
process.start()
print(Bare.num_pages)
"""


def main() -> None:
    """Measures and prints the row."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.crawl", description=__doc__)
    parser.add_argument("--pages", type=int, default=NUM_PAGES, help="of the site")
    parser.add_argument("--rounds", type=int, default=3, help="crawls of each kind; the medians count")
    parser.add_argument("--json", action="store_true", help="taken for the sake of the other benchmarks: always so")
    parser.add_argument("--serve", action="store_true", help="serve the site and do nothing else")
    options = parser.parse_args()
    if options.serve:
        asyncio.run(_serve(options.pages))
        return
    ours, peer = [], []
    with _site(options.pages) as base:
        for number in range(options.rounds):
            ours.append(_pages_per_s(_OURS, base, options.pages))
            peer.append(_pages_per_s(_SCRAPY, base, options.pages))
            sys.stderr.write(f"round {number + 1}: ours {ours[-1]:.0f}, Scrapy {peer[-1]:.0f} pages/s\n")
    row = {
        "name": "crawl",
        "ours": round(statistics.median(ours), 1),
        "peer": round(statistics.median(peer), 1),
        "ratio": round(statistics.median(ours) / statistics.median(peer), 3),
        "unit": "pages/s",
        "num_pages": options.pages,
        "concurrency": CONCURRENCY,
    }
    sys.stdout.write(json.dumps(row) + "\n")


def _pages_per_s(program: str, base: str, num_pages: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        command = [sys.executable, "-c", program, folder, base, str(CONCURRENCY)]
        found = int(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        took_s = time.monotonic() - began
    if found != num_pages:
        raise SystemExit(f"found {found} pages, expected {num_pages}: the crawls are not the same")
    return num_pages / took_s


@contextmanager
def _site(num_pages: int) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.benchmarks.crawl", "--serve", "--pages", str(num_pages)]
    root = Path(__file__).parent.parent.parent
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


async def _serve(num_pages: int) -> None:
    answers = _answers(num_pages)
    missing = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(answers.get(head.split(b" ", 2)[1], missing))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def _answers(num_pages: int) -> dict[bytes, bytes]:
    """Each page links to the next ones of a tree, so that all are reached, and to others; the text is random words."""
    rng = random.Random(num_pages)
    words = ["".join(rng.choices("etaoinshrdlu", k=rng.randint(2, 9))) for _ in range(5_000)]
    answers = {}
    for page in range(num_pages):
        children = range(page * 4 + 1, min(page * 4 + 5, num_pages))
        links = [*children, *(rng.randrange(1, num_pages) for _ in range(LINKS_PER_PAGE - len(children)))]
        anchors = "\n".join(f'<li><a href="/{link}">{words[link % 5_000]}</a></li>' for link in links)
        text = "\n".join(f"<p>{' '.join(rng.choices(words, k=60))}</p>" for _ in range(WORDS_PER_PAGE // 60))
        body = f"<!DOCTYPE html><html><head><title>{page}</title></head><body><ul>{anchors}</ul>{text}</body></html>"
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
        answers[f"/{page}".encode()] = (head + body).encode()
    return answers


if __name__ == "__main__":
    main()

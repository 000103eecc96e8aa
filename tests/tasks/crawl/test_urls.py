import pytest

from tasks.crawl.urls import canonical_url


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        # RFC 3986, section 6.2.2, and 6.2.3 for the empty path and the default port
        ("HTTP://Example.COM/a", "http://example.com/a"),
        ("http://example.com", "http://example.com/"),
        ("http://example.com:80/", "http://example.com/"),
        ("https://example.com:443/x", "https://example.com/x"),
        ("http://example.com:443/", "http://example.com:443/"),
        ("http://example.com/%7euser", "http://example.com/~user"),
        ("http://example.com/%3f%2f%e4", "http://example.com/%3F%2F%E4"),
        ("http://example.com/?q=%7e", "http://example.com/?q=~"),
        ("http://example.com/a/./b/../c", "http://example.com/a/c"),
        ("http://example.com/%2e%2e/b", "http://example.com/b"),
        ("http://example.com/../a/..", "http://example.com/"),
        ("http://example.com:/x", "http://example.com/x"),
        ("http://example.com:8080/x", "http://example.com:8080/x"),
        ("http://example.com/a#part", "http://example.com/a"),
        ("http://example.com/?b=2&a=1", "http://example.com/?a=1&b=2"),
        ("http://münchen.example/é", "http://xn--mnchen-3ya.example/%C3%A9"),
        (" http://example.com/a ", "http://example.com/a"),
    ],
)
def test_spellings_of_one_address_become_one(url: str, canonical: str) -> None:
    assert canonical_url(url) == canonical
    assert canonical_url(canonical) == canonical


@pytest.mark.parametrize("url", ["ftp://example.com/a", "example.com/a", "http:///a", "http://[::1", ""])
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        canonical_url(url)

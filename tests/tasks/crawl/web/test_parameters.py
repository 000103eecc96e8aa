import pytest

from pipeline_config.crawl import WebSource
from tasks.crawl.web.parameters import parameter_dropper

DEFAULT = WebSource(name="web", seeds=("http://a.example/",)).drop_parameters


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("http://a.example/p?id=3&utm_source=rss&UTM_Medium=x", "http://a.example/p?id=3"),
        ("http://a.example/p?fbclid=abc", "http://a.example/p"),
        ("http://a.example/p?fbclid=abc#part", "http://a.example/p#part"),
        ("http://a.example/p?utm=1&gclidx=2", "http://a.example/p?utm=1&gclidx=2"),
        ("http://a.example/p?b=%7E&a=+&&c", "http://a.example/p?b=%7E&a=+&&c"),
        ("http://a.example/utm_source=1", "http://a.example/utm_source=1"),
        ("http://a.example/?gclid&x=gclid", "http://a.example/?x=gclid"),
        ("http://a.example/p#?utm_a=1", "http://a.example/p#?utm_a=1"),
        ("http://a.example/p.jsp;jsessionid=0A.b1?id=3", "http://a.example/p.jsp?id=3"),
        ("http://a.example/p.jsp;JSESSIONID=0A?utm_id=1#part", "http://a.example/p.jsp#part"),
        ("http://a.example/a;jsessionid=1/b;v=1.1;PHPSESSID=2/c", "http://a.example/a/b;v=1.1/c"),
        ("http://a.example/a;jsessionid;b=;c?", "http://a.example/a;b=;c?"),
        ("http://a.example/a;b=jsessionid#;jsessionid=1", "http://a.example/a;b=jsessionid#;jsessionid=1"),
    ],
)
def test_arguments_of_these_names_go_and_all_else_stays_as_it_is_written(url: str, plain: str) -> None:
    assert parameter_dropper(DEFAULT)(url) == plain


def test_nothing_goes_where_no_name_is_given() -> None:
    assert parameter_dropper(())("http://a.example/?utm_source=1&=") == "http://a.example/?utm_source=1&="


def test_signs_of_patterns_in_a_name_mean_themselves() -> None:
    assert parameter_dropper(("a.c", "x[]"))("http://a.example/?abc=1&a.c=2&x[]=3") == "http://a.example/?abc=1"


@pytest.mark.parametrize("name", ["", "*", "a b", "a=b", "a*b"])
def test_what_is_no_name_of_an_argument_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="drop_parameters"):
        WebSource(name="web", seeds=("http://a.example/",), drop_parameters=(name,))

"""The strict url reader, by the numbers of the hardening catalogue."""

from __future__ import annotations

import re
from ipaddress import ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imagegate.upstream.urls import MAX_URL_LENGTH, Denied, OutsideUrl, parse_outside_url


def parse(text: str, *trusted: str, http: bool = True, ports: frozenset[int] = frozenset({80, 443})) -> OutsideUrl:
    return parse_outside_url(text, http_allowed=http, ports=ports, trusted=frozenset(trusted))


def reason(text: str, *trusted: str, http: bool = True) -> str:
    with pytest.raises(Denied) as caught:
        parse(text, *trusted, http=http)
    return caught.value.reason


@pytest.mark.parametrize(
    ("text", "scheme", "host", "port", "target", "authority"),
    [
        ("https://good.test/a/b.png?x=1&y=%20#top", "https", "good.test", 443, "/a/b.png?x=1&y=%20", "good.test"),
        ("HTTPS://GOOD.Test", "https", "good.test", 443, "/", "good.test"),
        ("http://good.test:80?q", "http", "good.test", 80, "/?q", "good.test"),
        ("http://good.test:443/", "http", "good.test", 443, "/", "good.test:443"),
        ("https://good.test./x", "https", "good.test", 443, "/x", "good.test"),
        ("https://my_bucket.s3.test/x@y:z", "https", "my_bucket.s3.test", 443, "/x@y:z", "my_bucket.s3.test"),
        ("https://93.184.216.34/x", "https", "93.184.216.34", 443, "/x", "93.184.216.34"),
        ("https://[2606:4700:0::1111]/x", "https", "2606:4700::1111", 443, "/x", "[2606:4700::1111]"),
        ("http://[2606:4700::1111]:443/x", "http", "2606:4700::1111", 443, "/x", "[2606:4700::1111]:443"),
        (
            "https://bücher.test/größe.png?ü",
            "https",
            "xn--bcher-kva.test",
            443,
            "/gr%C3%B6%C3%9Fe.png?%C3%BC",
            "xn--bcher-kva.test",
        ),
        ("https://xn--bcher-kva.test/%C3%BC", "https", "xn--bcher-kva.test", 443, "/%C3%BC", "xn--bcher-kva.test"),
        ("https://good.test//a/../b", "https", "good.test", 443, "//a/../b", "good.test"),
        ("https://1.2.3.4.test/", "https", "1.2.3.4.test", 443, "/", "1.2.3.4.test"),
    ],
)
def test_good_urls(text: str, scheme: str, host: str, port: int, target: str, authority: str) -> None:
    url = parse(text)
    assert (url.scheme, url.host, url.port, url.target, url.authority) == (scheme, host, port, target, authority)
    assert not url.trusted


def test_an_ip_literal_is_read_once() -> None:
    assert parse("https://93.184.216.34/").address == ip_address("93.184.216.34")
    assert parse("https://[2606:4700::1111]/").address == ip_address("2606:4700::1111")
    assert parse("https://good.test/").address is None


@pytest.mark.parametrize(
    "host",
    [
        *("2130706433", "0x7f000001", "017700000001", "127.1", "0", "0x7f.1", "169.254.43518", "0xA9FEA9FE", "2852039166"),
        *(
            "0251.0376.0251.0376",
            "0x7f.0x0.0x0.0x1",
            "1.2.3.4.5",
            "01.2.3.4",
            "1.2.3.256",
            "1.2.3.4.",
            "good.test.1",
            "x.0x",
            "0X7F.1",
        ),
        *("1..2.3", "127.0.0.1.", "00000177.1"),
    ],
)
def test_a06_numbers_that_are_no_canonical_address_are_refused(host: str) -> None:
    assert "number" in reason(f"http://{host}/")
    assert "number" in reason(f"http://{host}/", f"{host}:80")


@pytest.mark.parametrize(
    "host",
    [
        *(
            "①⑥⑨.254.169.254",
            "169。254。169。254",
            "１２７.０.０.１",
            "127.0.0.①",
            "１２７.0.0.1",
            "169．254．169．254",
            "169｡254｡169｡254",
        ),
        *(
            "ｌocalhost",
            "good。test",
            "ⓖood.test",
            "℀.test",
            "good.tes\u212a",
            "Ⅷ.test",
            "good\u00ad.test",
            "good\u200b.test",
            "\u0661.1",
        ),
        *("ex\u2044ample.test", "a\ufe52b.test", "a\uff20b.test", "a\uff0fb.test"),
    ],
)
def test_a08_other_widths_and_scripts_are_never_mapped(host: str) -> None:
    reason(f"http://{host}/")


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST.", "x.localhost", "localhost.localdomain", "ip6-localhost", "metadata", "minio", "kubernetes"),
        *(
            "host.docker.internal",
            "metadata.google.internal",
            "instance-data.ec2.internal",
            "printer.local",
            "nas.lan",
            "home.arpa",
            "x.home.arpa",
        ),
        *("svc.cluster.local", "wiki.corp", "db.intranet", "a.b.home", "x.private", "INTERNAL", "local."),
    ],
)
def test_a10_names_that_mean_here_are_refused(host: str) -> None:
    assert "name" in reason(f"https://{host}/")


def test_a10_public_names_that_look_alike_are_not() -> None:
    for host in ("mylocalhost.test", "local.test", "internal.example.test", "lan-party.test", "home.arpa.test"):
        assert parse(f"https://{host}/").host == host


@pytest.mark.parametrize(
    "text",
    [
        *("http://good.test\\@169.254.169.254/", "http://1.1.1.1 &@2.2.2.2# @3.3.3.3/", "http://127.1.1.1:80\\@127.2.2.2:80/"),
        *(
            "http:169.254.169.254/",
            "http:///x",
            "//169.254.169.254/",
            "http://user:pw@good.test/",
            "http://user@good.test/",
            "http://@good.test/",
        ),
        *(
            "http:/good.test/",
            "http:\\\\good.test/",
            "https//good.test",
            "good.test/x.png",
            "/x.png",
            "",
            "http://",
            "https://?x",
            "https://#x",
        ),
        *(
            " https://good.test/",
            "https://good.test/ ",
            "https://good.test/a b",
            "https://good.test/a\tb",
            "https://good.test/a\r\nHost: x",
        ),
        *(
            "https://good.test/\x00",
            "https://good\x00.test/",
            "https://good.test/\x7f",
            "https://good.test/\x85",
            "https://good.test/\x9b",
            "https://good.test/\u2028",
        ),
        *("https://good.test/\u3000", "https://good.test/\ud800", "ht\ntps://good.test/", "\ufeffhttps://good.test/"),
        *(
            "https://good.test:/",
            "https://good.test:0/",
            "https://good.test:0443/",
            "https://good.test:+443/",
            "https://good.test:443x/",
        ),
        *(
            "https://good.test:70000/",
            "https://good.test:443:443/",
            "https://good.test:４４３/",
            "https://:443/",
            "https://good.test:-1/",
        ),
        *(
            "https://127%2e0.0.1/",
            "https://%67ood.test/",
            "https://good.test%00.x/",
            "https://[fe80::1%25eth0]/",
            "https://[fe80::1%eth0]/",
        ),
        *(
            "https://[::1",
            "https://::1/",
            "https://[]/",
            "https://[v1.x]/",
            "https://[1.2.3.4]/",
            "https://[::1]x/",
            "https://x[::1]/",
        ),
        *("https://[::1]:80:80/", "https://[12345::]/", "https://[::1:]/", "https://[1::2::3]/", "https://good.test,evil.test/"),
        *(
            "https://-good.test/",
            "https://good-.test/",
            "https://.good.test/",
            "https://good..test/",
            "https://good.test../",
            "https://./",
        ),
        *(
            "https://good.test;x/",
            "https://good.test&x/",
            "https://*.test/",
            "https://a'b.test/",
            'https://a"b.test/',
            "https://a<b.test/",
        ),
        *("https://" + "a" * 64 + ".test/", "https://" + "a." * 130 + "test/", "https://xn--\u00fc.test/"),
    ],
)
def test_a11_parser_confusion_is_refused(text: str) -> None:
    reason(text)


@pytest.mark.parametrize(
    "scheme",
    [
        "file",
        "ftp",
        "gopher",
        "dict",
        "ldap",
        "tftp",
        "jar",
        "netdoc",
        "ws",
        "wss",
        "unix",
        "HTTP+UNIX",
        "s3",
        "data",
        "httpss",
        "h\u017fttp",
    ],
)
def test_a13_other_schemes_are_refused(scheme: str) -> None:
    reason(f"{scheme}://good.test/")
    reason(f"{scheme}:good.test", "good.test:80")


def test_a13_http_can_be_switched_off() -> None:
    assert "http is switched off" in reason("http://good.test/", http=False)
    assert parse("https://good.test/", http=False).scheme == "https"


@pytest.mark.parametrize("port", [22, 25, 6379, 5432, 8080, 9200, 1, 65535])
def test_a14_other_ports_are_refused(port: int) -> None:
    assert reason(f"https://good.test:{port}/") == f"port {port} is not allowed"
    assert parse(f"https://good.test:{port}/", ports=frozenset({port})).port == port


def test_a14_ports_end_at_65535() -> None:
    with pytest.raises(Denied, match="above"):
        parse("https://good.test:65536/", ports=frozenset({65536}))


def test_a_trusted_host_may_have_any_name_port_and_scheme() -> None:
    for place in ("minio:9000", "media.internal:80", "10.0.0.7:8080", "[fd00::7]:9000"):
        url = parse(f"http://{place}/x", place, http=False)
        assert url.trusted
        assert url.authority == place.removesuffix(":80")


def test_trust_is_for_one_host_and_port() -> None:
    assert "port" in reason("http://minio:9001/", "minio:9000")
    assert "dot" in reason("http://minio/", "minio:9000")
    assert "local network" in reason("http://x.media.internal/", "media.internal:80")
    assert "user information" in reason("http://user@minio:9000/", "minio:9000")
    assert not parse("http://10.0.0.8/", "10.0.0.7:80").trusted


def test_too_long_a_url_is_refused() -> None:
    text = "https://good.test/" + "x" * (MAX_URL_LENGTH - 18)
    assert len(parse(text).target) == MAX_URL_LENGTH - 17
    assert "longer" in reason(text + "x")


@pytest.mark.parametrize(
    ("location", "absolute"),
    [
        ("https://other.test/y", "https://other.test/y"),
        ("//other.test/y", "https://other.test/y"),
        ("/y?z", "https://good.test/y?z"),
        ("y", "https://good.test/a/y"),
        ("../y", "https://good.test/y"),
        ("?z", "https://good.test/a/b?z"),
        ("//user@other.test/", "https://user@other.test/"),
        (
            "//[",
            "https://[",
        ),
        ("http:y", "http:y"),
        ("javascript:alert(1)", "javascript:alert(1)"),
    ],
)
def test_locations_become_absolute_urls_that_are_parsed_again(location: str, absolute: str) -> None:
    assert parse("https://good.test/a/b?c").resolve(location) == absolute


def test_relative_locations_keep_port_and_brackets() -> None:
    url = parse("http://[2606:4700::1111]:443/a")
    assert parse(url.resolve("/y")).authority == url.authority


@pytest.mark.parametrize("location", ["", " /x", "/x\t", "\\\\evil.test/", "/\\evil.test", "ht\ntp://x/", "/\udcff"])
def test_locations_with_odd_characters_are_refused(location: str) -> None:
    with pytest.raises(Denied):
        parse("https://good.test/").resolve(location)


HOST = re.compile(r"[a-z0-9_.-]+|[0-9a-f:]+")


@given(st.one_of(st.text(), st.from_regex(r"https?://[^/]{1,20}(:[0-9]{0,6})?[/?#]?.*"), st.text("ht:/?#@[].%\\①0x1aA-_ ")))
@example("https://[::ffff:7f00:1]:443")
@example("https://a.ß/")
def test_whatever_comes_the_result_is_plain_or_denied(text: str) -> None:
    try:
        url = parse(text)
    except Denied:
        return
    assert url.scheme in {"http", "https"}
    assert HOST.fullmatch(url.host)
    assert re.fullmatch(r"/[\x21-\x7e]*", url.target)
    again = parse(f"{url.scheme}://{url.authority}{url.target}".partition("#")[0])
    assert again == url

"""Which URLs and addresses are fetched from at all."""

from __future__ import annotations

import ipaddress
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dataforge.errors import Unreadable
from dataforge.workflows.documents.fetching import Allowance, allowances, check, is_public

PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:4700:4700::1111", "2a00:1450:4001:82a::200e", "64:ff9b::808:808"]
NOT_PUBLIC = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:10.0.0.1",
    "::ffff:0:7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "3fff::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "2606:4700:4700::1111%eth0",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_addresses_that_lead_anywhere_else_are_not(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


PRIVATE = [
    ipaddress.ip_network(n)
    for n in (
        "10.0.0.0/8",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "224.0.0.0/4",
        "0.0.0.0/8",
        "100.64.0.0/10",
    )
]


@given(st.sampled_from(PRIVATE).flatmap(lambda n: st.ip_addresses(network=n)))
def test_no_wrapping_makes_a_private_address_public(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    wrapped = [
        address,
        *(
            ipaddress.IPv6Address(n)
            for n in (
                number,
                0xFFFF << 32 | number,
                0xFFFF << 48 | number,
                int(ipaddress.IPv6Address("64:ff9b::")) | number,
                int(ipaddress.IPv6Address("2002::")) | number << 80,
                int(ipaddress.IPv6Address("2001::")) | (number ^ 0xFFFFFFFF),
            )
        ),
    ]

    assert [str(a) for a in wrapped if is_public(a)] == []


HOSTILE = [
    "",
    "x",
    "/etc/passwd",
    "file:///etc/passwd",
    "ftp://example.com/a",
    "gopher://example.com:70/_",
    "data:text/html,x",
    "javascript:alert(1)",
    "http://",
    "http:///x",
    "https://:443/",
    "//example.com/a",
    "http:example.com",
    "http://user@example.com/",
    "http://user:pw@example.com/",
    "http://@example.com/",
    "http://example.com@127.0.0.1/",
    "http://:pw@example.com/",
    "http://example.com\\@127.0.0.1/",
    "http://127.0.0.1\\.example.com/",
    "http://example.com:22/",
    "http://example.com:0/",
    "https://example.com:80/",
    "http://example.com:443/",
    "http://example.com:99999/",
    "http://example.com:8080/",
    "http://example.com:x/",
    "http://127.0.0.1/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://0.0.0.0/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fe80::1%25eth0]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:7f00:1::]/",
    "http://10.0.0.1/",
    "http://[::]/",
    "http://[fd00:ec2::254]/",
    "http://exa mple.com/",
    "http://example.com/\r\nHost: x",
    "http://example.com/\x00",
    "http://example.com/\t",
    "http://[",
    "http://[::1",
    "http://]/",
    "http://" + "a" * 3000,
    "http://example.com/" + "a" * 3000,
    "ht\ttp://example.com/",
]


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_url_is_refused_by_its_text_with_what_to_do(url: str) -> None:
    with pytest.raises(Unreadable) as refused:
        check(url)

    assert refused.value.reason == "forbidden_address"
    assert len(refused.value.message) > 20


@given(st.text(max_size=60))
@example("http://[::ffff:1.2.3.4%]/")
@example("http://\ud800/")
@example("http://xn--/")
@example("http://ｌｏｃａｌｈｏｓｔ/")
def test_any_text_is_a_url_that_may_be_tried_or_refused(text: str) -> None:
    for url in (text, f"http://{text}", f"https://example.com/{text}", f"http://example.com:{text}/"):
        with suppress(Unreadable):
            checked = check(url)
            assert checked.scheme in ("http", "https")
            assert checked.host
            assert checked.port in (80, 443)
            assert (checked.user, checked.password, checked.fragment) == (None, None, "")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "https://example.com/a/b.pdf?x=1&y=%20#part",
        "https://example.com:443/",
        "http://münchen.de/",
        "http://8.8.8.8/",
        "https://[2606:4700:4700::1111]/x",
        "HTTP://EXAMPLE.COM/",
    ],
)
def test_ordinary_urls_may_be_tried(url: str) -> None:
    assert check(url).scheme in ("http", "https")


def test_the_setting_opens_hosts_and_networks() -> None:
    answer = allowances(
        " wiki.corp, WIKI.corp:8443 ,10.2.0.0/16, 10.3.0.0/16:8080, fd00::/8, [fd00::1]:9443, 192.168.1.7,"
    )

    assert answer == [
        Allowance("wiki.corp", None, None),
        Allowance("wiki.corp", None, 8443),
        Allowance(None, ipaddress.ip_network("10.2.0.0/16"), None),
        Allowance(None, ipaddress.ip_network("10.3.0.0/16"), 8080),
        Allowance(None, ipaddress.ip_network("fd00::/8"), None),
        Allowance(None, ipaddress.ip_network("fd00::1/128"), 9443),
        Allowance(None, ipaddress.ip_network("192.168.1.7/32"), None),
    ]
    assert allowances("") == []
    assert check("http://10.2.3.4/a", answer).host == "10.2.3.4"
    assert check("http://wiki.corp:8443/", answer).port == 8443
    assert check("http://[fd00::1]:9443/", answer).port == 9443
    for still_closed in (
        "http://10.4.0.1/",
        "http://wiki.corp:9000/",
        "http://other.corp:8443/",
        "http://10.3.0.1/",
        "http://[fd00::2]:9443/",
        "http://8.8.8.8:9443/",
    ):
        with pytest.raises(Unreadable):
            check(still_closed, answer)


@pytest.mark.parametrize(
    "entry", ["http://wiki.corp", "wiki.corp/x", "10.0.0.0/99", "*", "a b", "wiki:port", ":80", "a:0"]
)
def test_a_setting_that_names_nothing_is_refused_by_its_name(entry: str) -> None:
    with pytest.raises(ValueError, match="DATAFORGE_FETCH_ALLOW"):
        allowances(entry)

"""The proxy for an address, by the variables that other tools honour: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY.

Only teachers are asked through a proxy. Documents are not fetched through one: their addresses must be checked here.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from dataforge.errors import TeacherRefused


def proxy_for(url: str) -> str | None:
    """None: it is reached directly, as every address of this machine is. url: scheme, host and port count.

    Raises TeacherRefused for a proxy that does not speak HTTP.
    """
    from urllib.request import getproxies_environment
    from urllib.request import proxy_bypass_environment as bypasses  # type: ignore[attr-defined]

    target = urlsplit(url)
    host = target.hostname or ""
    known = getproxies_environment()
    proxy = known.get(target.scheme) or known.get("all")
    if not proxy or _is_here(host):
        return None
    place = f"{host}:{target.port}" if target.port else host
    if bypasses(place, known) or _is_in_networks(host, known.get("no", "")):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    scheme = urlsplit(proxy).scheme
    if scheme not in ("http", "https"):
        raise TeacherRefused(
            f"{host} would be reached through a {scheme} proxy, which is not supported: set HTTPS_PROXY to an http:// "
            f"proxy, or NO_PROXY={host}"
        )
    return proxy


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_in_networks(host: str, no_proxy: str) -> bool:
    """NO_PROXY may name networks (10.0.0.0/8), as curl and httpx read it."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    for entry in no_proxy.split(","):
        try:
            if address in ipaddress.ip_network(entry.strip(), strict=False):
                return True
        except ValueError:
            continue
    return False

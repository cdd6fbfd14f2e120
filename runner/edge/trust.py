"""Whom we believe to be who they say: the authorities this system trusts, read once, when something is first to be said over TLS.

aiohttp reads them twice as soon as it is imported, for two contexts of its own: a tenth of what a run of one request costs, also of
one that says nothing over TLS. So verbs import it `without_authorities` before anything else does, and every https connection of
ours brings this context instead. One that forgot to would believe nobody: its handshake fails.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

PATHS: Final = ssl.get_default_verify_paths()
VARIABLES: Final = PATHS.openssl_cafile_env, PATHS.openssl_capath_env
"""What names another file and another folder of authorities (SSL_CERT_FILE, SSL_CERT_DIR); OpenSSL documents both."""


@cache
def authorities() -> ssl.SSLContext:
    """The context of every TLS connection: certificates and names are checked, and HTTP/1.1 is spoken. Blocks the first time."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


async def trusted(scheme: str) -> ssl.SSLContext | bool:
    """What aiohttp takes as `ssl` for a host of this scheme; for plain http nothing is read."""
    return await asyncio.to_thread(authorities) if scheme == "https" else True


def import_aiohttp() -> None:
    """Import aiohttp for whoever imports it from now on, and let it read no certificates. For verbs, before all that needs it."""
    with without_authorities():
        import aiohttp  # noqa: PLC0415, F401


@contextmanager
def without_authorities() -> Iterator[None]:
    """Contexts that are made within trust nobody. For what makes some when it is imported; only while there is one thread."""
    kept = {name: os.environ.get(name) for name in VARIABLES}
    os.environ.update(dict.fromkeys(VARIABLES, os.devnull))
    try:
        yield
    finally:
        for name, value in kept.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value

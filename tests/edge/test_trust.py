"""Whom we trust: over real TLS, whoever an authority of this system vouches for, and nobody else."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from runner.edge.guard import Guard
from runner.edge.notices import Notice, Notices
from runner.edge.sessions import Progress
from runner.edge.trust import VARIABLES, authorities, trusted, without_authorities
from runner.edge.wire import Letter, Wire
from runner.job.project import Notify

FILE, FOLDER = VARIABLES
OPENSSL = shutil.which("openssl")
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="needs openssl, to make certificates")


def certify(folder: Path, name: str) -> tuple[Path, Path]:
    """A fresh certificate for this name, its own authority, and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = [str(OPENSSL), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=test", "-addext", f"subjectAltName={name}", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


def shelve(certificate: Path) -> None:
    """Put a copy beside it under the name by which OpenSSL looks for an authority in a folder."""
    command = [str(OPENSSL), "x509", "-hash", "-noout", "-in", str(certificate)]
    name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    certificate.with_name(f"{name}.0").write_bytes(certificate.read_bytes())


@asynccontextmanager
async def open_server(certificate: Path, key: Path) -> AsyncIterator[URL]:
    """A server that answers every request over TLS, and the protocol it settled on."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2", "http/1.1"])

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        spoken = writer.get_extra_info("ssl_object").selected_alpn_protocol().encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(spoken), spoken))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield URL(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")


@pytest.fixture
def fresh() -> Iterator[None]:
    """Nothing has been read yet, and nothing that this test reads stays."""
    authorities.cache_clear()
    yield
    authorities.cache_clear()


async def ask(url: URL) -> bytes:
    """The answer to a letter over a wire."""
    async with Wire(Guard([str(url)]).open_local, 1, 0) as wire:
        arrival = await wire.send(Letter("GET", url, {}, b"", aiohttp.ClientTimeout(sock_connect=5.0, sock_read=5.0)), Progress())
        try:
            return await arrival.content.read()
        finally:
            arrival.release()


@needs_openssl
async def test_who_is_vouched_for_is_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: None) -> None:
    """With its authority among ours a server is asked over HTTP/1.1, by a wire and by a notice."""
    certificate, key = certify(tmp_path, "IP:127.0.0.1")
    monkeypatch.setenv(FILE, str(certificate))
    async with open_server(certificate, key) as url:
        assert await ask(url) == b"http/1.1"
        told = await Notices(Notify.model_validate({"ping": str(url)}), {}, "run").tell(Notice("success", 0, "", {}))
        assert told == []


@needs_openssl
@pytest.mark.parametrize(("name", "known"), [("IP:127.0.0.1", False), ("DNS:elsewhere.test", True)])
async def test_nobody_else_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: None, name: str, known: bool) -> None:
    """One whose authority is unknown, and one that is vouched for under another name, never gets a request."""
    certificate, key = certify(tmp_path, name)
    monkeypatch.setenv(FILE, str(certificate) if known else os.devnull)
    async with open_server(certificate, key) as url:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await ask(url)
        [line] = await Notices(Notify.model_validate({"ping": str(url)}), {}, "run").tell(Notice("success", 0, "", {}))
        assert "could not be reached" in line


@needs_openssl
@pytest.mark.parametrize("named", [True, False])
def test_what_is_made_without_them_trusts_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: None, named: bool) -> None:
    """A context made within has no authority, one made afterwards has the usual ones, and the variables are as they were."""
    certificate, _ = certify(tmp_path, "DNS:localhost")
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    if named:
        monkeypatch.setenv(FILE, str(certificate))
    usual = ssl.create_default_context().get_ca_certs()
    with without_authorities():
        assert ssl.create_default_context().get_ca_certs() == []
    assert (os.environ.get(FILE), os.environ.get(FOLDER)) == (str(certificate) if named else None, None)
    assert authorities().get_ca_certs() == usual
    assert len(usual) == 1 or not named


@needs_openssl
async def test_who_forgets_to_bring_them_believes_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A context made within refuses a server that this system would vouch for, also where its authority lies in a folder."""
    certificate, key = certify(tmp_path, "IP:127.0.0.1")
    shelve(certificate)
    monkeypatch.setenv(FILE, os.devnull)
    monkeypatch.setenv(FOLDER, str(tmp_path))
    trusting = ssl.create_default_context()
    with without_authorities():
        forgetful = ssl.create_default_context()
    async with open_server(certificate, key) as url:
        _, writer = await asyncio.open_connection(url.host, url.port, ssl=trusting)
        writer.close()
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection(url.host, url.port, ssl=forgetful)


async def test_plain_http_reads_nothing(fresh: None) -> None:
    """What is not said over TLS needs nobody to vouch for it."""
    assert await trusted("http") is True
    assert authorities.cache_info().currsize == 0

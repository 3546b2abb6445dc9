"""Downloads, beyond what all languages have in common."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import chaku
import pytest
from harness import Hub, fails, run_program


def test_a_task_that_is_cancelled_ends_its_download(tmp_path: Path) -> None:
    async def cancelled(hub: Hub) -> None:
        request = chaku.download_async("hf:test/stall", **hub.options)
        task = asyncio.ensure_future(request)
        await asyncio.to_thread(hub.wait_stalled)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        request.close()
        assert request.finished

    with Hub(tmp_path) as hub:
        asyncio.run(cancelled(hub))
        with fails(chaku.DeadlineExceeded, "deadline"):
            chaku.download("hf:test/stall", deadline=0.2, **hub.options)
        # Nothing is left of them but the part that came.
        hub.say("go")
        assert chaku.download("hf:test/stall", **hub.options)[0].stat().st_size == 300_000


def test_errors_have_classes_of_their_own(tmp_path: Path) -> None:
    with Hub(tmp_path) as hub:
        with fails(chaku.Unauthenticated, "hub_unauthorized"):
            chaku.download("hf:test/private", **hub.options)
        with fails(chaku.PermissionDenied, "hub_forbidden"):
            chaku.download("hf:test/gated", **hub.options)
        with fails(chaku.DataLoss, "checksum_mismatch"):
            chaku.download("hf:test/wrong", **hub.options)
        with fails(chaku.FailedPrecondition, "offline"):
            chaku.download("hf:test/tiny", offline=True, **hub.options)


CERTIFICATE = """
[req]
distinguished_name = name
x509_extensions = ours
prompt = no
[name]
CN = chaku test
[ours]
subjectAltName = IP:127.0.0.1
basicConstraints = critical, CA:FALSE
"""


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl to make a certificate with")
def test_certificates_are_checked_and_may_be_ones_own(tmp_path: Path) -> None:
    settings, key, certificate = tmp_path / "settings", tmp_path / "key.pem", tmp_path / "certificate.pem"
    settings.write_text(CERTIFICATE)
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -batch".split()
    files = ["-config", settings, "-keyout", key, "-out", certificate]
    subprocess.run([*command, *files], check=True, capture_output=True)
    with Hub(tmp_path / "cache", "--tls", str(certificate), str(key)) as hub:
        assert hub.address.startswith("https://")
        with fails(chaku.Unavailable, "hub_unavailable"):
            chaku.download("hf:test/tiny", **hub.options)
        program = f"""
            [path] = chaku.download("hf:test/tiny", **{hub.options!r})
            print(path.stat().st_size)
        """
        assert run_program(program, environment={"SSL_CERT_FILE": str(certificate)}).strip() == "300000"

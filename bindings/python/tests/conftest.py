"""For every test: a watchdog, and silence."""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

# Far beyond what a slow machine needs: it tells a hang, and where.
SECONDS = 240


@pytest.fixture(autouse=True)
def watchdog() -> Iterator[None]:
    faulthandler.dump_traceback_later(SECONDS, exit=True, file=_stderr)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(autouse=True)
def silence(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Neither the module nor anything below it may write anything."""
    yield
    assert capfd.readouterr() == ("", "")


# While a test runs, descriptor 2 is the capture's.
_stderr = os.dup(2)


def pytest_unconfigure(config: pytest.Config) -> None:
    reporter, file = config.pluginmanager.get_plugin("terminalreporter"), os.environ.get("CHAKU_TEST_COUNTS")
    if reporter is not None and file is not None:
        count = {key: len(reporter.stats.get(key, ())) for key in ("passed", "failed", "error")}
        Path(file).write_text(f"{count['passed']} passed, {count['failed'] + count['error']} failed\n")

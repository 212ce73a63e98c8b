"""The log of a process that runs on has one form, whoever tells it, and holds no secret."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import structlog

from licet.app.identity import logs

EARLIER = structlog.get_logger("licet.test")
"""As modules have theirs: made before anything is configured."""
TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJzcGlmZmU6Ly9hIn0.c2lnbmF0dXJl"
PEM = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----\n"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    root.handlers = before
    root.setLevel(level)
    logging.getLogger("licet").setLevel(logging.NOTSET)
    logging.captureWarnings(False)
    structlog.reset_defaults()


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    monkeypatch.setenv("GRPC_VERBOSITY", "ERROR")
    return io.StringIO()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_a_line_of_json_with_time_level_logger_and_facts(stream: io.StringIO) -> None:
    logs.configure("json", stream)
    EARLIER.info("served", uid=1000, names=("a", "b"))
    [told] = lines(stream)
    at = datetime.fromisoformat(str(told.pop("timestamp")))
    assert at.tzinfo == UTC
    assert told == {"level": "info", "logger": "licet.test", "event": "served", "uid": 1000, "names": ["a", "b"]}


def test_libraries_go_through_the_same_form(stream: io.StringIO) -> None:
    logs.configure("json", stream)
    for name in ("asyncio", "grpc", "aiohttp.server", "sqlalchemy.engine"):
        logging.getLogger(name).error("line one\nline %s", "two")
        logging.getLogger(name).info("not worth a line")
    assert [(each["logger"], each["event"]) for each in lines(stream)] == [
        (name, "line one\nline two") for name in ("asyncio", "grpc", "aiohttp.server", "sqlalchemy.engine")
    ]


def test_an_exception_is_one_line_too(stream: io.StringIO) -> None:
    logs.configure("json", stream)
    try:
        raise ValueError(f"bad {TOKEN}")
    except ValueError:
        EARLIER.exception("it failed")
    [told] = lines(stream)
    assert "ValueError: bad (hidden)" in str(told["exception"])


@pytest.mark.parametrize("form", ["json", "text"])
def test_what_is_secret_is_hidden_wherever_it_stands(form: str, stream: io.StringIO) -> None:
    logs.configure(form, stream)
    EARLIER.warning(
        f"saw {TOKEN}",
        token="join-me",
        reason=f"before {PEM} after",
        url="postgresql://licet:pa55@db/licet",
        nested={"passphrase": "open sesame", "list": [PEM]},
    )
    text = stream.getvalue()
    for secret in ("eyJ", "join-me", "MIGH", "pa55", "sesame"):
        assert secret not in text
    assert "before (hidden)" in text
    assert "after" in text


def test_text_for_people_moves_no_cursor_and_stays_on_its_line(stream: io.StringIO) -> None:
    logs.configure("text", stream)
    EARLIER.info("from \x1b[31mred\nfake  error", path="a\rb")
    [line] = stream.getvalue().splitlines()
    assert line.endswith("info     licet.test: from ␛[31mred␊fake  error  path=a␍b")


def test_without_a_terminal_the_form_is_json(stream: io.StringIO) -> None:
    logs.configure("", stream)
    EARLIER.info("there")
    assert [each["event"] for each in lines(stream)] == ["there"]


def test_the_quiet_hear_of_warnings_alone(stream: io.StringIO) -> None:
    logs.configure("json", stream, quiet=True)
    EARLIER.info("there")
    EARLIER.warning("wrong")
    assert [each["event"] for each in lines(stream)] == ["wrong"]


def test_a_whole_process_writes_lines_of_json_alone() -> None:
    """Warnings, other threads and what is logged before `configure` was called included."""
    program = """
import threading, warnings, structlog
log = structlog.get_logger("licet.early")
from licet.app.identity import logs
logs.configure("")
warnings.warn("old")
threading.Thread(target=lambda: log.info("aside")).start()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {json.loads(line)["logger"] for line in done.stderr.splitlines()} == {"py.warnings", "licet.early"}
    assert done.stdout == ""

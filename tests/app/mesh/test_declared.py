"""What is declared is followed: what is written, whenever that is, and what time takes away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from licet.app.identity.place import now
from licet.app.load import Setting
from licet.app.mesh.declared import Declared, follow, read
from licet.sources.settings import settings
from tests.cli.mesh.standing import DOMAIN, contracts

SETTING = Setting(settings(None), "shop")


def declared(folder: Path, text: str) -> Declared:
    (folder / "shop.yaml").write_text(text)
    return read([str(folder)], SETTING, DOMAIN)


def ending(text: str, seconds: float) -> str:
    """The same with calls that are over so many seconds from now."""
    at = (now() + timedelta(seconds=seconds)).isoformat()
    return text.replace("calls: [{name: items,", f'calls: [{{name: items, notAfter: "{at}",')


def admitted(found: Declared) -> int:
    """How much is let in anywhere."""
    return sum(len(served.rules) for each in found.intents.by_workload.values() for served in each.serves)


def followed(folder: Path, first: Declared, until: Callable[[Declared], bool]) -> list[Declared]:
    """Everything that was applied, as far as what is waited for."""
    heard: list[Declared] = []

    async def run() -> None:
        there = asyncio.Event()

        def apply(found: Declared) -> None:
            heard.append(found)
            if until(found):
                there.set()

        following = asyncio.ensure_future(follow([str(folder)], SETTING, first, apply))
        async with asyncio.timeout(20):
            await there.wait()
        following.cancel()

    asyncio.run(run())
    return heard


@pytest.mark.parametrize("written", [None, "no: {contract\n"])
def test_a_call_is_taken_away_when_its_time_is_over_also_while_files_cannot_be_read(
    tmp_path: Path, written: str | None
) -> None:
    first = declared(tmp_path, ending(contracts(8080), 1))
    assert admitted(first) == 1
    if written is not None:
        (tmp_path / "shop.yaml").write_text(written)
    [found] = followed(tmp_path, first, lambda each: not admitted(each))
    assert found.ends is None


def test_a_call_whose_time_is_over_keeps_nothing_else_from_being_applied(tmp_path: Path) -> None:
    found = declared(tmp_path, ending(contracts(8080), -1))
    assert found.diagnostics
    assert found.errors == []
    assert admitted(found) == 0


def test_what_is_written_between_the_reading_and_the_first_look_is_applied_and_nothing_twice(tmp_path: Path) -> None:
    first = declared(tmp_path, contracts(8080))
    (tmp_path / "shop.yaml").write_text(contracts(8080, ("/v1/items", "/admin")))
    [found] = followed(tmp_path, first, lambda _: True)
    assert found.intents != first.intents

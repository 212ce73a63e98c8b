"""Whatever a value holds, reading it ends, soon and without an error."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.diag.place import Origin, Place
from licet.discover import commands, files
from licet.discover.commands import Word
from licet.discover.mention import mentions, urls
from licet.discover.pods import Told
from licet.discover.variables import Variables
from licet.model.ports import FIRST_PORT, LAST_PORT

HERE = Place(Origin("x"))
NOTHING = Variables({}, {}, {})
WORDS = (
    "db : // / @ 5432 , ; = host port -h --x nc ' \" { } [ ] $(A) ${A} $A http:// tcp( ) ( "
    "jdbc:oracle:thin:@ .svc # ? é"
)
PIECES = st.lists(st.sampled_from([*WORDS.split(), " ", "\n", "\x00"]), max_size=20).map("".join)


@given(PIECES)
def test_any_text_can_be_read(text: str) -> None:
    told = Told(text, HERE)
    found = [reading.mention for reading in files.readings("x", told)]
    found += [reading.mention for reading in commands.readings([Word(text, HERE), Word("db", HERE)], NOTHING)]
    found += [reading.mention for reading in commands.script([Word(text, HERE)], NOTHING)]
    for mention in (*found, *mentions(text), *urls(text)):
        assert mention.host
        assert mention.port is None or FIRST_PORT <= mention.port <= LAST_PORT


LONG = {
    "one letter": "a" * 300_000,
    "words": "a " * 150_000,
    "a key and spaces": "a: " + " " * 300_000 + "b",
    "quotes": '"' * 300_001,
    "colons": "a:" * 150_000,
    "brackets": "{[" * 150_000,
    "drivers": "tcp(" * 75_000,
    "lines of hosts and ports": "host: db\nport: 1\n" * 20_000,
    "lines of prefixed hosts and ports": "a.host: db\na.port: 1\n" * 20_000,
    "urls": "http://a," * 30_000,
}


@pytest.mark.parametrize("name", LONG)
def test_long_texts_take_no_longer_than_their_length(name: str) -> None:
    began = time.process_time()
    list(files.readings("x", Told(LONG[name], HERE)))
    list(commands.readings([Word(LONG[name], HERE)], NOTHING))
    mentions(LONG[name])
    assert time.process_time() - began < 5


def test_references_that_multiply_are_left_as_they_are() -> None:
    values = {"A0": Told("x" * 1000, HERE)}
    for at in range(1, 40):
        known = Variables(values, {}, {})
        values[f"A{at}"] = Told(known.expand(f"$(A{at - 1})$(A{at - 1})"), HERE)
    assert max(len(told.text) for told in values.values()) <= 32_768

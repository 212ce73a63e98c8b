"""Whether a host that stands somewhere is called from there: its form, its setting's name and who answers to it."""

from __future__ import annotations

import enum
from collections.abc import Iterator

import msgspec

from licet.diag.place import Place
from licet.discover.edge import Evidence, Lack
from licet.discover.mention import Form, Mention
from licet.discover.names import Answer, Names, Reached, Standing
from licet.discover.wording import Sense
from licet.model.key import Key

_NO_CALL = None
_SURE = ""


class Nearness(enum.IntEnum):
    """How near to the program that calls a mention stands."""

    TEXT = 0
    """In the midst of a text, where links and examples stand too."""
    FILE = 1
    """The value of a key in a file."""
    SETTING = 2
    """The value of a variable or an argument."""


class Reading(msgspec.Struct, frozen=True):
    """A mention where it stands: in the value of a setting of this sense, and as it is to be shown."""

    mention: Mention
    sense: Sense
    place: Place
    text: str
    below: int | None = None
    nearness: Nearness = Nearness.SETTING


def weigh(reading: Reading, caller: Key, names: Names) -> Iterator[Evidence]:
    """The calls that a mention is evidence of; none where it is none, or where the caller names itself."""
    mention = reading.mention
    if reading.sense is Sense.NEVER:
        return
    answer = names.answer(mention.host, mention.port, mention.protocol, caller.namespace)
    if answer.standing is Standing.NOBODY:
        return
    own = any(reached.callee == caller for reached in answer.reached)
    if own and not answer.own_pods:
        return
    for reached in answer.reached:
        doubt = _doubt(reading, answer, reached)
        if doubt == _SURE and answer.standing is Standing.PUBLIC and mention.host in names.served:
            doubt = "a route of this platform serves that name itself"
        if doubt is _NO_CALL:
            continue
        port, service_port = reached.port, reached.service_port
        yield Evidence(
            caller,
            reached.callee,
            reading.place,
            reading.text,
            reached.service,
            port,
            service_port,
            doubt or reached.doubt or _portless(reached),
            reading.below,
            _lack(reading, answer, reached, doubt, names),
        )


def _portless(reached: Reached) -> str:
    return "no port is written" if reached.port is None and reached.service_port is None else ""


def _lack(reading: Reading, answer: Answer, reached: Reached, doubt: str, names: Names) -> Lack | None:
    """What is surely asked for in vain; a port that is the scheme's own may be another one for the program."""
    mention, nearness = reading.mention, reading.nearness
    likely = reading.sense >= Sense.ADDRESS
    if answer.standing is Standing.SERVICE:
        told = nearness is Nearness.SETTING or (nearness is Nearness.FILE and likely)
        written = mention.port is not None and not mention.implied
        return Lack.PORT if told and written and not reached.met and doubt == _SURE else None
    if answer.standing in (Standing.WORD, Standing.MISSING) and mention.host not in names.served:
        told = likely and nearness is Nearness.SETTING and mention.form is not Form.BARE
        return Lack.SERVICE if told else None
    return None


def _doubt(reading: Reading, answer: Answer, reached: Reached) -> str | None:
    """Why this may be no call, empty where it is one, None where it is not taken for one."""
    mention, sense = reading.mention, reading.sense
    likely = sense >= Sense.ADDRESS
    match answer.standing:
        case Standing.SERVICE:
            if mention.form is Form.URL or (answer.qualified and mention.form is Form.PAIR):
                return _SURE
            if mention.form is Form.PAIR:
                return _SURE if reached.met or likely else _NO_CALL
            if likely or (answer.qualified and ".svc" in mention.host):
                return _SURE
            return "its name does not say that it is called" if sense is Sense.WEAK or answer.qualified else _NO_CALL
        case Standing.MISSING:
            return reached.doubt
        case Standing.WORD:
            if mention.form is Form.URL or (mention.form is Form.PAIR and likely):
                return reached.doubt
            return reached.doubt if sense is Sense.HOST and reading.nearness is Nearness.SETTING else _NO_CALL
        case Standing.PUBLIC:
            if mention.form is Form.URL and not likely:
                return {Nearness.SETTING: _SURE, Nearness.FILE: "it may be a link rather than a call"}.get(
                    reading.nearness
                )
            return _SURE if likely else _NO_CALL
        case Standing.ODD:
            return reached.doubt if likely or mention.form is Form.URL else _NO_CALL
        case Standing.ADDRESS:
            if mention.form is Form.URL or likely:
                return _SURE if mention.form is not Form.BARE or sense is Sense.HOST else _NO_CALL
            return _NO_CALL
        case Standing.NOBODY:
            return _NO_CALL

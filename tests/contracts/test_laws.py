"""What holds of every contract, sound or not."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import jsonschema
import msgspec
import yaml
from hypothesis import event, given

from licet.contracts import findings, wire
from licet.contracts.schema import schema
from licet.contracts.structure import shape
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Origin, Place
from tests.contracts.drawn import CONTRACTS, damaged
from tests.contracts.read import decoded

_HERE = Place(Origin(""))


@given(CONTRACTS)
def test_a_sound_contract_is_taken_however_it_is_written(value: dict[str, Any]) -> None:
    """Decoding adds nothing and loses nothing: the YAML, the JSON and the value in memory say the same."""
    text = yaml.safe_dump(value, sort_keys=False)
    found, wrong = decoded(text)
    again, still = decoded(json.dumps(value))
    assert wrong == still == []
    read = shape(value, wire.Contract, _HERE)
    assert not isinstance(read, list)
    assert _plain(read) == _plain(shape(yaml.safe_load(text), wire.Contract, _HERE))
    [one], [other] = found.contracts, again.contracts
    assert str(one).replace(str(one.origin), "") == str(other).replace(str(other.origin), "")
    assert [call.name for call in one.calls] == [call["name"] for call in value["spec"].get("calls", ())]
    assert [serve.name for serve in one.serves] == [serve["name"] for serve in value["spec"].get("serves", ())]


def _plain(read: object) -> object:
    return msgspec.to_builtins(read)


@cache
def _validator() -> jsonschema.Draft202012Validator:
    """The published schema, with `$` meaning the very end, as it does outside Python."""
    text = json.dumps(schema("Contract")).replace(')$"', ')\\\\Z"')
    return jsonschema.Draft202012Validator(json.loads(text))


def _beyond_a_schema(finding: Diagnostic) -> bool:
    """Whether this fault is one of those that the schema says it cannot know."""
    return (
        finding.code == findings.NAME_TWICE
        or (finding.code == findings.CONFLICT and "before `port`" in finding.message)
        or (finding.code == findings.WRONG_VALUE and "which is no time" in finding.message)
        or (
            finding.code == findings.WRONG_VALUE and ("prefix length" in finding.message or "inside" in finding.message)
        )
        or (finding.code == findings.WRONG_VALUE and "is not a CIDR block" in finding.message)
    )


@given(damaged())
def test_the_schema_takes_what_decoding_takes(value: dict[str, Any]) -> None:
    _, wrong = decoded(json.dumps(value))
    fits = _validator().is_valid(value)
    known = [finding for finding in wrong if not _beyond_a_schema(finding)]
    event(f"fits: {fits}")
    assert fits == (not known), (wrong, next(_validator().iter_errors(value), None))


@given(damaged())
def test_what_has_no_shape_has_faults_that_say_so(value: dict[str, Any]) -> None:
    """The walk that tells of faults sees one wherever the quick conversion refuses, and none elsewhere."""
    read = shape(value, wire.Contract, _HERE)
    assert not isinstance(read, list) or all(isinstance(finding.where, Place) for finding in read)
    if isinstance(read, list):
        assert read
        assert not any("not Unicode" in finding.message for finding in read)

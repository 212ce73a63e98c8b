"""A text is made to mean another value and back again, and nothing else of it is touched."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

import pytest
import yaml

from licet.diag.place import Origin, Path
from licet.manifest import exact
from licet.manifest.edit import Unplaced
from licet.manifest.rewrite import anew, rewritten, spelling

TEXT = b"""\
# remarks
kind: Thing   # of ours
some: {a: 1, "b": [1, 2,], c: {}}
list:
- name: one
  deep:
      deeper: |
        text
        more
  # of one
- name: two

- {name: three, x: y}
empty: []
nothing:
last: end"""


def whole(data: bytes) -> Origin:
    """The only document."""
    return Origin("x.yaml", 0, len(data))


def read(data: bytes) -> Any:
    """What the text means."""
    return exact.build(data).value


def there(data: bytes, value: Any, spelled: dict[Path, str] | None = None) -> bytes:
    """The text with this value."""
    return rewritten(data, whole(data), value, spelled)


ADDED: dict[str, Any] = {
    "a key at the end": lambda value: value.update(more={"a": ["b"]}),
    "a key of a flow mapping": lambda value: value["some"].update(d=[{"e": None}]),
    "an item at the end": lambda value: value["list"].append({"name": "four", "x": {"y": 1}}),
    "an item before all": lambda value: value["list"].insert(0, {"name": "zero"}),
    "several of both": lambda value: value["list"].__setitem__(
        slice(None), [{"name": "p"}, {"name": "q"}, *value["list"], {"name": "r"}, {"name": "s"}]
    ),
    "a key deep within": lambda value: value["list"][0]["deep"].update(z=True),
    "a key behind flow": lambda value: value["list"][2].update(z="w"),
    "everywhere at once": lambda value: (
        value.update(a1=1, a2=[2]),
        value["some"].update(k=1, l=2),
        value["list"].insert(0, {"name": "n"}),
        value["list"][1].update(m={"n": "o"}),
    ),
}


@pytest.mark.parametrize("end", ["", "\n", "\n\n# the end\n"], ids=["no end", "end", "remark"])
@pytest.mark.parametrize("change", ADDED)
def test_what_comes_goes_again_without_a_trace(change: str, end: str) -> None:
    data = TEXT + end.encode()
    before = read(data)
    wanted = copy.deepcopy(before)
    ADDED[change](wanted)
    changed = there(data, wanted)
    assert read(changed) == wanted
    assert set(data.decode().splitlines()) - set(changed.decode().splitlines()) <= {
        'some: {a: 1, "b": [1, 2,], c: {}}',
        "- {name: three, x: y}",
    }
    assert there(changed, before) == data


def test_an_entry_gives_its_place_to_another_and_gets_it_back_as_it_was_written() -> None:
    before = read(TEXT)
    for path, entry in {
        ("list", 0, "deep"): {"else": 1},
        ("empty",): {"empty": ["x"]},
        ("nothing",): {"nothing": {"a": 1}},
    }.items():
        written = spelling(TEXT, whole(TEXT), path)
        wanted = copy.deepcopy(before)
        parent: Any = wanted
        for step in path[:-1]:
            parent = parent[step]
        items = list(parent.items())
        parent.clear()
        for key, value in items:
            parent.update(entry if key == path[-1] else {key: value})
        changed = there(TEXT, wanted)
        assert read(changed) == wanted
        assert there(changed, before, {path: written}) == TEXT


def test_random_changes_of_random_texts_mean_what_they_should_and_go_again() -> None:
    random = Random(5)
    came = 0
    for _ in range(400):
        before = _mapping(random, 3)
        data = yaml.safe_dump(
            before, default_flow_style=random.choice([None, True, False]), indent=random.choice([2, 4]), sort_keys=False
        ).encode()
        wanted = _grown(random, before)
        try:
            changed = there(data, wanted)
        except Unplaced:
            continue
        came += 1
        assert read(changed) == wanted
        assert there(changed, before) == data, (data.decode(), changed.decode())
    assert came > 300


def _mapping(random: Random, depth: int) -> dict[str, Any]:
    keys = random.sample("abcdefgh", random.randint(1, 4))
    return {key: _value(random, depth - 1) for key in keys}


def _value(random: Random, depth: int) -> Any:
    kind = random.randint(0, 5 if depth else 2)
    if kind > 3:
        return _mapping(random, depth)
    if kind == 3:
        return [{"name": name, **_mapping(random, depth)} for name in random.sample("tuvwxz", random.randint(1, 3))]
    return random.choice([1, "text", "two words", True, "a: b", "multi\nline\n", "", "'", "#"])


def _grown(random: Random, value: Any) -> Any:
    """The value with more in it."""
    if isinstance(value, dict):
        made = {key: _grown(random, each) for key, each in value.items()}
        return made | {"new": _value(random, 2)} if random.random() < 0.3 else made
    if isinstance(value, list):
        made_list = [_grown(random, each) for each in value]
        first = [{"name": "first"}] if random.random() < 0.3 else []
        last = [{"name": "last", "a": ["b"]}] if random.random() < 0.3 else []
        return [*first, *made_list, *last]
    return value


REFUSED = {
    b"a: &x {b: 1}\nc: *x\n": {"a": {"b": 1, "d": 2}, "c": {"b": 1}},
    b"a: &x {b: 1}\nc:\n  <<: *x\n  e: 1\n": {"a": {"b": 1}, "c": {"b": 2, "e": 1}},
    b"a: [1, 2]\n": {"a": [2, 1]},
    b"a:\n- b: 1\n": {"a": [{"b": 2}, {"b": 3}]},
}


@pytest.mark.parametrize("data", REFUSED)
def test_what_cannot_be_changed_in_place_is_refused_and_can_be_written_anew(data: bytes) -> None:
    value = read(data)
    with pytest.raises(Unplaced):
        there(data, REFUSED[data])
    assert read(anew(data, whole(data))) == value


def test_only_the_document_that_is_meant_is_written_anew() -> None:
    data = b"# first\na: 1\n--- # second\nb: &x 0.5\nc: *x\n---\nd: 1 # third\n"
    origin = Origin("x.yaml", data.index(b"---"), data.rindex(b"---") - data.index(b"---"))
    assert anew(data, origin) == b"# first\na: 1\n--- # second\n{b: 0.5, c: 0.5}\n---\nd: 1 # third\n"

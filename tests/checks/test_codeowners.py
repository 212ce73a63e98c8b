"""Whom a change asks, read as GitHub and GitLab read it, and written so that both read the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.checks.codeowners import BEGIN, CodeOwners, is_owner, with_owners

GITHUB, GITLAB, EITHER = ".github/CODEOWNERS", ".gitlab/CODEOWNERS", "CODEOWNERS"


def asks(file: str, text: str, path: str) -> set[str]:
    """Those of a, b and c who are asked."""
    owners = CodeOwners(file, text)
    return {name for name in "abc" if owners.asks(path, f"@{name}")}


# Pattern, path, and whether it fits on GitHub and on GitLab.
PATTERNS = [
    ("*", "x/y.yaml", True, True),
    ("*.yaml", "x/y.yaml", True, True),
    ("*.yaml", "x/y.yml", False, False),
    ("/*.yaml", "y.yaml", True, True),
    ("/*.yaml", "x/y.yaml", False, False),
    ("/docs/", "docs/a/b.md", True, True),
    ("/docs/", "x/docs/a.md", False, False),
    ("docs/", "x/docs/a.md", True, True),
    ("docs/*", "docs/a.md", True, True),
    ("docs/*", "docs/a/b.md", False, False),
    ("/a/b", "a/b/c.yaml", True, False),
    ("/a/b", "a/b", True, True),
    ("a/b", "x/a/b", False, True),
    ("/a/**/c", "a/c", True, True),
    ("/a/**/c", "a/b/b/c", True, True),
    ("/a/**", "a/b/c", True, True),
    ("**/logs", "x/logs", True, True),
    ("/a?c", "abc", True, True),
    ("/a?c", "a/c", False, False),
    ("/a\\ b", "a b", True, True),
    ("*b", "a b", True, True),
    ("/b", "a b", False, False),
    ("b", "a b", False, False),
    ("/[ab].yaml", "a.yaml", False, True),
    ("/[!ab].yaml", "c.yaml", False, True),
    ("/[!ab].yaml", "a.yaml", False, False),
    ("/[ab", "a", False, False),
    ("/A", "a", False, False),
    ("/a.yaml", "aXyaml", False, False),
    ("/", "a", False, False),
]


@pytest.mark.parametrize(("pattern", "path", "github", "gitlab"), PATTERNS)
def test_patterns_fit_what_each_host_says(pattern: str, path: str, github: bool, gitlab: bool) -> None:
    text = f"{pattern} @a\n"
    assert bool(asks(GITHUB, text, path)) == github
    assert bool(asks(GITLAB, text, path)) == gitlab
    assert bool(asks(EITHER, text, path)) == (github and gitlab)


@pytest.mark.parametrize("file", [GITHUB, GITLAB])
@pytest.mark.parametrize(
    ("text", "owners"),
    [
        ("* @a\n/x @b\n", "b"),
        ("/x @b\n* @a\n", "a"),
        ("/x @a @b\n", "ab"),
        ("/x\t@a  @b\n", "ab"),
        ("* @a\n/x\n", ""),
        ("# /x @a\n", ""),
        ("/x @A\n", "a"),
        ("/x @a\r\n", "a"),
        ("", ""),
        ("/x a@example.com\n", ""),
    ],
)
def test_the_last_line_that_fits_decides(file: str, text: str, owners: str) -> None:
    assert asks(file, text, "x") == set(owners)


def test_a_remark_behind_owners_asks_nobody_on_github() -> None:
    """GitLab knows none, and reads owners out of it."""
    assert asks(GITHUB, "/x @a # not @b\n", "x") == {"a"}
    assert asks(GITLAB, "/x @a # not @b\n", "x") == {"a", "b"}


def test_a_line_that_github_does_not_understand_is_none() -> None:
    assert asks(GITHUB, "/x @a\n/x nobody @b\n", "x") == {"a"}
    assert asks(GITHUB, "/x @a\n!/x @b\n", "x") == {"a"}
    assert asks(GITLAB, "/x @a\n/x nobody @b\n", "x") == {"b"}


@pytest.mark.parametrize(
    ("text", "owners"),
    [
        ("[One]\n/x @a\n[Two]\n/x @b\n", "ab"),
        ("[One] @c\n/x\n", "c"),
        ("[One] @c\n/x @a\n", "a"),
        ("[One][2] @c\n/x\n", "c"),
        ("^[One] @c\n/x\n", ""),
        ("^[One]\n/x @a\n[Two]\n/x @b\n", "b"),
        ("[One]\n/x @a\n[Two]\n/y @b\n[ONE]\n/x @c\n", "c"),
        ("* @a\n[One]\n/x @b\n", "ab"),
        ("[One]\n* @a\n!/x\n", ""),
        ("[One]\n!/x\n* @a\n", ""),
        ("[One]\n!/y\n* @a\n", "a"),
    ],
)
def test_sections_are_judged_one_by_one(text: str, owners: str) -> None:
    assert asks(GITLAB, text, "x") == set(owners)
    assert asks(EITHER, text, "x") == set(owners), "sections are GitLab's alone"


@pytest.mark.parametrize(
    ("handle", "is_one"),
    [("@a", True), ("@org/team", True), ("a@example.com", True), ("a", False), ("@", False), ("@a @b", False),
     ("@a\n* @b", False), ("@a#", True), ("", False)],
)  # fmt: skip
def test_what_can_be_written_as_an_owner(handle: str, is_one: bool) -> None:
    assert is_owner(handle) == is_one


names = st.text(st.sampled_from("ab. #*?[]!\\\u00e4\t\n"), min_size=1, max_size=4).filter(
    lambda n: n not in (".", "..")
)
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
owned = st.dictionaries(paths, st.lists(st.sampled_from(["@a", "@b", "@org/c"]), min_size=1, max_size=2), max_size=6)
lines = st.sampled_from(["* @x", "/a @x", "# why", "", "[S]", "^[T] @x", "!/a", "a/ @x @y", "/a\\ b @x"])
before = st.lists(lines, max_size=5).map("\n".join)


@given(st.sampled_from([GITHUB, GITLAB, EITHER]), before, owned)
def test_what_is_written_asks_everybody_who_is_named(file: str, text: str, owners: dict[str, list[str]]) -> None:
    """Whatever stood there and whatever paths are called."""
    written = with_owners(file, text, owners)
    rules = CodeOwners(file, written)
    assert {path: [name for name in named if not rules.asks(path, name)] for path, named in owners.items()} == {
        path: [] for path in owners
    }


@given(st.sampled_from([GITHUB, GITLAB, EITHER]), before, owned, owned)
def test_writing_again_replaces_the_block_and_keeps_peoples_lines(
    file: str, text: str, first: dict[str, list[str]], second: dict[str, list[str]]
) -> None:
    once = with_owners(file, text, second)
    assert with_owners(file, once, second) == once
    assert with_owners(file, with_owners(file, text, first), second) == once
    kept = once[: once.index(BEGIN)].rstrip("\n")
    assert kept == text.rstrip()


def test_an_exclusion_of_gitlabs_takes_nothing_from_the_block() -> None:
    written = with_owners(GITLAB, "!/a", {"a": ["@a"]})
    assert CodeOwners(GITLAB, written).asks("a", "@a")


def test_each_path_is_asked_for_alone_where_patterns_can_say_it() -> None:
    rules = CodeOwners(EITHER, with_owners(EITHER, "", {"a#b": ["@a"], "axb": ["@b"], "a b": ["@c"]}))
    assert [rules.asks(path, "@a") for path in ("a#b", "axb", "a b", "ayb")] == [True, False, False, True]
    assert [rules.asks("axb", "@b"), rules.asks("a b", "@c")] == [True, True]

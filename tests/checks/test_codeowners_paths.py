"""A line that is one path is found by that path, and means what it would mean as a pattern."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.checks.codeowners import CodeOwners

PATHS = st.lists(st.sampled_from(["a", "b", "a.b"]), min_size=1, max_size=3).map("/".join)
PATTERNS = st.one_of(
    PATHS.map("/{}".format), PATHS.map("!/{}".format), PATHS.map("/{}/*".format), PATHS, st.sampled_from(["*", "/a/"])
)
LINES = st.lists(st.tuples(PATTERNS, st.lists(st.sampled_from(["@x", "@y"]), max_size=2)), max_size=6)


@pytest.mark.parametrize("file", [".github/CODEOWNERS", ".gitlab/CODEOWNERS", "CODEOWNERS"])
@given(lines=LINES, path=PATHS, owner=st.sampled_from(["@x", "@y"]))
def test_a_path_asks_whom_its_pattern_asks(
    file: str, lines: list[tuple[str, list[str]]], path: str, owner: str
) -> None:
    def text(escape: str) -> str:
        """The lines; with a backslash before each `a` they are patterns that say the same."""
        return "\n".join(" ".join([pattern.replace("a", f"{escape}a"), *owners]) for pattern, owners in lines)

    assert CodeOwners(file, text("")).asks(path, owner) == CodeOwners(file, text("\\")).asks(path, owner)


def test_what_is_below_a_path_is_meant_on_github_only() -> None:
    text = "/docs @writers\n"
    assert CodeOwners(".github/CODEOWNERS", text).asks("docs/a/b.md", "@writers")
    assert not CodeOwners(".gitlab/CODEOWNERS", text).asks("docs/a/b.md", "@writers")
    assert not CodeOwners(".github/CODEOWNERS", text).asks("documents", "@writers")

"""Every code that the source can tell is explained, and nothing else is."""

import re
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def test_the_page_of_findings_lists_exactly_the_codes_there_are() -> None:
    told = {
        code
        for file in (_ROOT / "src" / "licet").rglob("*.py")
        for code in re.findall(r'^(?!\s*_OTHERS).*"(L0\d{3})"', file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    page = (_ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| (L0\d{3}) \|", page, re.MULTILINE)
    assert sorted(listed) == sorted(told)

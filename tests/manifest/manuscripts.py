"""Random YAML as people write it, and as they get it wrong: text for the differential tests of the reader."""

from __future__ import annotations

from random import Random

KEYS = ["a", "b", "kind", "x-y", "app.kubernetes.io/name", '"q"', "'s'", '"a b"', "c1"]
ODD_KEYS = [
    "yes",
    "n",
    "8080",
    "1.5",
    "null",
    "-a",
    "? a",
    "a b",
    "<<",
    ".inf",
    "...",
    "~",
    "0x1",
    "{a: b}",
    "*x",
    "&x k",
]
PLAIN = ["v", "1", "5672", "a-b", "100m", "http://x:1/y?z=1#f", "/tmp", "true", "a b c", "--x", "-5", "$(X)", "é", "👍"]
RESOLVED = [
    "0x1F",
    "017",
    "0o17",
    "08",
    "yes",
    "y",
    "Off",
    "~",
    "null",
    "1e3",
    ".5",
    "1_000",
    "2001-01-01",
    "1:20",
    "+5",
]
QUOTED = ['"5672"', '"yes"', "'no'", "'it''s'", '""', "''", '"a: b"', '"a #b"', r'"d\n\u00e9"', r'"\\d\""', '"“q”"']
FLOW = [
    "[]",
    "{}",
    "[a, b]",
    "[1, 'x', \"y\"]",
    "{a: 1, b: [2, 3]}",
    "{port: 53, protocol: UDP}",
    "[a,]",
    "[a: b]",
    "{a,b}",
]
ODD = [
    *(
        "-",
        "a: b",
        "a :b",
        "a #c",
        "a#b",
        "# c",
        r'"d\/"',
        r'"d\x41"',
        "'s' x",
        '"a" #c',
        '"a"#c',
        "{a: 1} x",
        "[a] # c]",
    ),
    *(
        "[a",
        "{a}: {b}",
        "[a]: [b]",
        "{{ x }}",
        "[,]",
        "{? a}",
        "[x?y]",
        "{<<: {a: 1}}",
        "{a: 1, a: 2}",
        "[a, b]c",
        "{a,b}{}",
    ),
    *("|2", "| # c", "&a x", "*a", "!!str 1", "! x", "%a", "@a", "`a`", "a]", "}", "a\tb", "\t", "=", "<", "a\u00a0b"),
    *("a\u2028b", "\ufeff", "18446744073709551616", "?a", ":a", "? a", "*", "&", "'a", '"a', "a'b", 'x"y', "- z", "\\"),
    *("...", "---", "---x", "x\u0085y", ".nan", "-.inf", "1e400", "a\rb", "<<"),
]
BLOCKS = ["|", "|-", "|+", ">", ">-", ">+"]
BLOCK_LINES = ["text", "a: b", "- x", "# no comment", "  deeper", "", "", "if [ $1 ]; then", "{", "tail  ", "é"]
NOISE = ["", "", "  ", "# comment", "    # comment", "      "]


def manuscript(random: Random) -> str:
    """A document: well-formed more often than not, then perhaps with mistakes in it."""
    lines: list[str] = []
    if random.random() < 0.2:
        lines.append(random.choice(["---", "--- # c", "---  "]))
    (_mapping if random.random() < 0.85 else _sequence)(random, lines, 0, 0)
    if random.random() < 0.4:
        for _ in range(random.randint(1, 3)):
            _spoil(random, lines)
    end = random.choice(["\n", "\n", "\n", "", "\n\n", "\n  \n", "\n# end\n"])
    break_ = "\r\n" if random.random() < 0.05 else "\n"
    return break_.join(lines) + end


def value(random: Random) -> str:
    """A scalar or flow collection on one line."""
    kinds = [PLAIN, PLAIN, QUOTED, RESOLVED, FLOW, PLAIN, QUOTED]
    return random.choice(random.choice(kinds) if random.random() < 0.98 else ODD)


def _mapping(random: Random, lines: list[str], column: int, depth: int, lead: str = "") -> None:
    keys = random.sample(KEYS, random.randint(1, 3))
    if random.random() < 0.05:
        keys.append(random.choice(KEYS + ODD_KEYS))
    for key in keys:
        start = (lead or " " * column) + key + ":"
        lead = ""
        _entry(random, lines, start, column, depth, indentless=True)
        if random.random() < 0.1:
            lines.append(random.choice(NOISE))


def _sequence(random: Random, lines: list[str], column: int, depth: int, lead: str = "") -> None:
    for _ in range(random.randint(1, 3)):
        gap = random.choice([1, 1, 1, 1, 3])
        start = (lead or " " * column) + "-"
        lead = ""
        inner = column + 1 + gap
        choice = random.random()
        if choice < 0.4 and depth < 4:
            _mapping(random, lines, inner, depth + 1, start + " " * gap)
        elif choice < 0.5 and depth < 4:
            _sequence(random, lines, inner, depth + 1, start + " " * gap)
        else:
            _entry(random, lines, start, column, 9, indentless=False)


def _entry(random: Random, lines: list[str], start: str, column: int, depth: int, *, indentless: bool) -> None:
    choice = random.random()
    comment = random.choice(["", "", "", "", "", "", " ", "  # c"])
    if choice < 0.3 and depth < 4:
        lines.append(start + comment)
        step = random.choice([2, 2, 2, 4, 1])
        if random.random() < 0.5:
            _mapping(random, lines, column + step, depth + 1)
        else:
            _sequence(random, lines, column + (0 if indentless and random.random() < 0.6 else step), depth + 1)
    elif choice < 0.4:
        lines.append(f"{start} {random.choice(BLOCKS)}{comment}")
        indent = " " * (column + random.choice([2, 2, 4, 1]))
        for _ in range(random.randint(1, 5)):
            line = random.choice(BLOCK_LINES)
            lines.append(indent + line if line or random.random() < 0.5 else "")
    elif choice < 0.45:
        lines.append(start + comment)
    else:
        lines.append(f"{start} {value(random)}{comment}")


def _spoil(random: Random, lines: list[str]) -> None:
    at = random.randrange(len(lines)) if lines else 0
    line = lines[at] if lines else ""
    choice = random.random()
    if choice < 0.2:
        lines[at : at + 1] = [" " * random.randint(1, 3) + line]
    elif choice < 0.4:
        lines[at : at + 1] = [line[random.randint(1, 3) :]]
    elif choice < 0.5:
        lines.insert(at, line)
    elif choice < 0.6:
        del lines[at : at + 1]
    elif choice < 0.7:
        lines.insert(at, random.choice(NOISE + ODD))
    else:
        cut = random.randint(0, len(line))
        piece = random.choice([*ODD, *ODD_KEYS, *BLOCKS, ":", " ", "#", '"', "'", "-", "- ", ": ", " #"])
        lines[at : at + 1] = [line[:cut] + piece + line[cut + random.randint(0, 1) :]]

"""What a source is called in front of people."""

from __future__ import annotations

import difflib
import os

from licet.sources.errors import SourceError

STANDARD_INPUT = "<stdin>"


def shown(path: str) -> str:
    """A path as the user would write it from the current folder, safe to print whatever its bytes are."""
    path = os.path.normpath(path)
    if os.path.isabs(path):
        here = current()
        if path == here or path.startswith(here.rstrip(os.sep) + os.sep):
            path = os.path.relpath(path, here)
    return printable(path)


def current() -> str:
    """The current folder; raises `SourceError` where it has been removed."""
    try:
        return os.getcwd()
    except OSError as error:
        reason = "does not exist any more" if isinstance(error, FileNotFoundError) else "cannot be read"
        raise SourceError(f"the current folder {reason}", "change into one that does, and run this again") from error


def printable(name: str) -> str:
    """The name with control characters and bytes that are no text written as escapes."""
    if name.isprintable():
        return name
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in name)


def inside(folder: str, name: str) -> str:
    """The shown name of an entry of a folder that is shown as `folder`."""
    name = printable(name)
    if folder == "." or not folder:
        return name
    return folder + name if folder.endswith((":", "/")) else f"{folder}/{name}"


def nearest(path: str) -> str | None:
    """A path that exists and is written much like one that does not."""
    head, tail = os.path.split(path.rstrip(os.sep))
    try:
        names = [name for name in os.listdir(head or ".") if name != tail]
    except OSError:
        return None
    close = difflib.get_close_matches(tail, names, n=1)
    return shown(os.path.join(head, close[0])) if close else None

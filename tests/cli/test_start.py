"""What is loaded when: waiting for an answer that needs nothing is the first thing a user notices."""

import subprocess
import sys

import pytest

from licet import __version__
from tests.cli.command import environment, licet

_LOADED = "import sys; sys.argv[1:] = {arguments!r}\nfrom licet.__main__ import main\nmain()\nprint(*sys.modules)"
HEAVY = {"click", "msgspec", "yaml", "ryml", "licet.cli", "licet.analysis", "licet.model", "licet.sources", "typing"}


def _modules(*arguments: str) -> set[str]:
    code = _LOADED.format(arguments=list(arguments))
    # -S and -I keep out what the environment's own start-up files load
    path = environment()["PYTHONPATH"]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {path!r})\n{code}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    version, modules = done.stdout.splitlines()
    assert version == f"licet {__version__}"
    return set(modules.split())


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_answered_before_anything_is_loaded(option: str) -> None:
    bare = subprocess.run(
        [sys.executable, "-I", "-S", "-c", "import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    more = _modules(option) - set(bare.stdout.split())
    assert more == {"licet", "licet.__main__"}
    assert not more & HEAVY


def test_the_version_is_answered_beside_other_options_too() -> None:
    assert licet("--version", "--help").out == f"licet {__version__}\n"


def test_the_list_of_commands_needs_no_command() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.argv[1:] = ['--help']\nfrom licet.__main__ import main\nmain()\n"
            "print(*(m for m in sys.modules if m.startswith('licet.')))",
        ],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
        check=True,
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not [name for name in loaded if name.startswith(("licet.analysis", "licet.manifest", "licet.cli.commands"))]

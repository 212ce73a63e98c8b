"""Wrong usage: one line, on standard error, with the way out, and exit code 2."""

import subprocess
import sys
from pathlib import Path

import pytest

from licet.cli.group import COMMANDS, commands
from tests.cli.command import SHOP, deployment, environment, licet


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mpa"], "no such command `mpa`: did you mean `map`? (see `licet --help`)"),
        (["frobnicate"], "no such command `frobnicate` (see `licet --help`)"),
        (["map", "--fcus", "x"], "no such option `--fcus`: did you mean `--focus`? (see `licet map --help`)"),
        (["map", "--direction", "in"], "--direction needs --focus (see `licet map --help`)"),
        (["map", "--pairs", "-o", "html"], "--pairs is for table, json and csv, not for html (see `licet map --help`)"),
        (["map", "nowhere"], "`nowhere` does not exist: name a file, a folder, a chart or `-`"),
        (["why", "a", "b", "--port", "0"], "invalid value for `--port`: 0 is not in the range 1<=x<=65535"),
        (["why", "a", "b"], "missing option `--port`"),
        (["map", SHOP, "--focus", "shop/chekout"], "no workload `shop/chekout`: did you mean `shop/checkout` or"),
        (["why", "bank/checkout", "shop/cart", SHOP, "--port", "1"], "no workload `bank/checkout`: did you mean"),
        (["why", "1.2.3.4", "5.6.7.8", SHOP, "--port", "1"], "both ends lie outside the cluster"),
        (
            ["why", "10.0.0.0/8", "shop/cart", SHOP, "--port", "1"],
            "`10.0.0.0/8` holds addresses of pods: name a workload",
        ),
        (["map", SHOP, "--focus", "{ingres}"], "no workload `{ingres}`: did you mean `{ingress-controller}`?"),
        (["diff", "-", "-"], "standard input can be read once: write one of the two to a file, and name that"),
        (["ask", "-", "-"], "standard input can be read once"),
        (["ask", "-", SHOP, "--platform", "-"], "standard input can be read once"),
        (["map", "-", "--platform", "-"], "standard input can be read once"),
        (["why", "a", "b", "-", "--port", "1", "--platform", "-"], "standard input can be read once"),
        (["blast", "a", "-", "--platform", "-"], "standard input can be read once"),
        (["policies", "-", "--platform", "-"], "standard input can be read once"),
        (["diff", "nowhere", SHOP], "`nowhere` is neither a path nor a git revision"),
    ],
)
def test_one_line_says_what_is_wrong(arguments: list[str], said: str) -> None:
    ran = licet(*arguments)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith(f"licet: {said}")
    assert ran.err.count("\n") == 1


def test_an_unknown_profile_is_met_with_those_there_are() -> None:
    ran = licet("map", SHOP, "--enforcer", "calicoo")
    assert ran.code == 2
    assert "did you mean `calico`? there are `kubernetes`, `calico`, `cilium`" in ran.err


def test_options_stand_before_and_after_paths() -> None:
    before, after = licet("map", "-o", "csv", SHOP), licet("map", SHOP, "-o", "csv")
    assert before == after
    assert before.code == 0


def test_no_command_is_wrong_and_shows_the_help() -> None:
    ran = licet()
    assert (ran.code, ran.out) == (2, "")
    assert "Commands:" in ran.err


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("completion", "identity", "audit", "mesh")])
def test_every_command_takes_the_common_options_and_tells_examples_and_exit_codes(name: str) -> None:
    ran = licet(name, "--help")
    assert ran.code == 0
    common = "output config enforcer platform namespace fail-on quiet verbose color"
    for option in common.split():
        assert f"--{option}" in ran.out
    assert f"licet {name} " in ran.out.split("Examples:")[1]
    assert "2    the input or the usage is wrong" in ran.out.split("Exit codes:")[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_of_a_command_what_the_command_says(name: str) -> None:
    command = commands.get_command(commands.make_context("licet", ["map"]), name)
    assert command is not None
    assert command.help is not None
    assert " ".join(command.help.split("\n\n")[0].split()) == COMMANDS[name]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_completes_commands_options_and_values(shell: str) -> None:
    script = licet("completion", shell)
    assert script.code == 0
    assert "_LICET_COMPLETE" in script.out
    at = "--fo" if shell == "fish" else "2"
    ran = licet(_LICET_COMPLETE=f"{shell}_complete", COMP_WORDS="licet map --fo", COMP_CWORD=at)
    assert "--focus" in ran.out


def test_settings_decide_where_the_command_line_does_not(tmp_path: Path) -> None:
    (tmp_path / "licet.toml").write_text('enforcer = "cilium"\nfail-on = "info"\n')
    (tmp_path / "a.yaml").write_text(deployment("a"))
    assert "(profile cilium)" in licet("map", cwd=tmp_path).out
    assert "(profile calico)" in licet("map", "--enforcer", "calico", cwd=tmp_path).out
    (tmp_path / "licet.toml").write_text('enforcerr = "cilium"\n')
    ran = licet("map", cwd=tmp_path)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "licet.toml:1: unknown setting `enforcerr`: did you mean `enforcer`?" in ran.err


LONG = "x" * 5000
CUT = f"`{'x' * 100}...{'x' * 100}`"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["why", LONG, "shop/cart", SHOP, "--port", "1"], f"{CUT} is longer than any name: no name has more than 253"),
        (["blast", LONG, SHOP], f"{CUT} is longer than any name"),
        (["map", SHOP, "--focus", LONG], f"{CUT} is longer than any name"),
        (["map", LONG], f"{CUT} does not exist"),
        (["map", SHOP, "--enforcer", LONG], f"no profile {CUT}"),
        (["map", SHOP, "--config", LONG], f"the settings {CUT} cannot be read: file name too long"),
        (["map", SHOP, "--platform", LONG], f"{CUT} does not exist"),
        (["diff", LONG, SHOP], f"{CUT} is neither a path nor a"),
    ],
)
def test_what_is_overlong_is_told_in_a_line_that_can_be_read(arguments: list[str], said: str) -> None:
    ran = licet(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"licet: {said}")
    assert len(ran.err) < 500


def test_a_name_of_the_longest_length_is_not_cut() -> None:
    name = "x" * 253
    assert f"no workload `{name}`" in licet("blast", name, SHOP).err


@pytest.mark.parametrize("arguments", [["map"], ["map", "--config", "{}/licet.toml", SHOP], ["diff", "HEAD", SHOP]])
def test_a_current_folder_that_is_gone_is_one_line(arguments: list[str], tmp_path: Path) -> None:
    """The shell that starts the command stands in a folder that it has removed."""
    (tmp_path / "licet.toml").write_text("")
    (tmp_path / "gone").mkdir()
    words = " ".join(str(word).format(tmp_path) for word in arguments)
    shell = f'cd {tmp_path}/gone && rmdir ../gone && exec "{sys.executable}" -m licet {words}'
    ran = subprocess.run(["sh", "-c", shell], capture_output=True, env=environment(), timeout=60, check=False)
    said = "licet: the current folder does not exist any more: change into one that does, and run this again\n"
    assert (ran.returncode, ran.stdout, ran.stderr.decode()) == (2, b"", said)

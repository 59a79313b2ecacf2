"""``--help`` is instant, because nothing heavy is imported before a command runs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from negvol_cli.version import __version__
from tests.cli.conftest import Negvol

COMMANDS = ["run", "batch", "measure", "compare", "view", "eval", "send", "node"]
COMMANDS += ["models", "doctor", "demo"]
HEAVY = ["numpy", "scipy", "skimage", "SimpleITK", "onnxruntime", "pymeshlab", "trimesh"]
HEAVY += [
    "pydicom",
    "pynetdicom",
    "rich",
    "plotly",
    "jinja2",
    "PIL",
    "torch",
    "monai",
    "onnx",
    "ctypes",
]


def python(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *args], capture_output=True, text=True, check=True)


def test_showing_help_imports_nothing_heavy() -> None:
    probe = (
        "import sys\nfrom negvol_cli.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        f"print(sorted(sys.modules.keys() & set({HEAVY})))"
    )

    assert python("-c", probe).stdout.splitlines()[-1] == "[]"


def test_the_package_itself_imports_nothing_heavy() -> None:
    probe = f"import sys, negvol_cli; print(sorted(sys.modules.keys() & set({HEAVY})))"

    assert python("-c", probe).stdout == "[]\n"


@pytest.mark.parametrize("unused", ["pydicom", "scipy.stats", "networkx", "plotly", "pandas"])
def test_what_measures_an_image_file_does_not_load(unused: str) -> None:
    probe = f"import sys, negvol_cli.study, negvol_cli.io.source; print({unused!r} in sys.modules)"

    assert python("-c", probe).stdout == "False\n"


def test_showing_help_takes_little_processor_time() -> None:
    before = os.times()
    python("-m", "negvol_cli", "--help")
    after = os.times()

    spent = after.children_user + after.children_system
    assert spent - before.children_user - before.children_system < 1.0  # 0.1 s where nobody hurries


def test_help_lists_the_commands_in_order_of_use(negvol: Negvol) -> None:
    result = negvol("--help")

    listed = result.stdout.split("Commands:\n")[1].splitlines()[: len(COMMANDS)]
    assert [line.split()[0] for line in listed] == COMMANDS
    assert "Research use only" in result.stdout


@pytest.mark.parametrize(
    "command",
    [
        ["run"],
        ["measure"],
        ["eval"],
        ["models", "list"],
        ["models", "verify"],
        ["models", "install"],
        ["doctor"],
        ["demo"],
    ],
)
def test_every_command_has_help_and_json(negvol: Negvol, command: list[str]) -> None:
    result = negvol(*command, "--help")

    assert result.exit_code == 0
    assert "--json" in result.stdout


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS), ["models", "verify"]])
def test_h_is_short_for_help(negvol: Negvol, command: list[str]) -> None:
    result = negvol(*command, "-h")

    assert result.exit_code == 0
    assert result.stdout == negvol(*command, "--help").stdout


def test_the_version_is_that_of_the_code_that_runs(negvol: Negvol) -> None:
    assert negvol("--version").stdout == f"negvol {__version__}\n"


@pytest.mark.parametrize(
    "args",
    [
        ["walk"],
        ["run"],
        ["run", "scan.nii", "--device", "tpu"],
        ["run", "scan.nii", "--clip", "cone"],
        ["run", "scan.nii", "--threads", "0"],
        ["measure", "labels.nii", "--side", "up"],
        ["view"],
        ["view", "out", "--serve", "--port", "65536"],
        ["eval", "one.nii"],
        ["eval", "one.nii", "two.nii", "--tolerance-mm", "-1"],
        ["demo", "--seed", "-1"],
    ],
)
def test_wrong_usage_ends_with_2(negvol: Negvol, args: list[str]) -> None:
    result = negvol(*args)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error:" in result.stderr


@pytest.mark.parametrize("unused", ["scipy", "SimpleITK", "onnxruntime", "pymeshlab"])
def test_who_directs_a_batch_loads_nothing_that_measures(unused: str) -> None:
    probe = f"import sys, negvol_cli.batch, negvol_cli.cli.batch; print({unused!r} in sys.modules)"

    assert python("-c", probe).stdout == "False\n"


def test_reading_an_image_file_waits_for_no_library_that_measures() -> None:
    probe = (
        "import sys, negvol_cli.io.reading\n"
        "print(sorted(sys.modules.keys() & {'scipy', 'SimpleITK', 'pydicom', 'onnxruntime'}))"
    )

    assert python("-c", probe).stdout == "[]\n"

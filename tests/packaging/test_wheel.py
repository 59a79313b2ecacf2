"""The wheel holds the product and nothing else, and works where PyTorch is absent."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TRAINING_ONLY = ("torch", "monai", "onnx", "onnxscript", "tensorboard")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    """The wheel's METADATA."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in names(wheel)}

    assert len(tops) == 2
    assert tops - {"negvol_cli"} == {top for top in tops if top.endswith(".dist-info")}
    assert "negvol_cli/py.typed" in names(wheel)
    assert not [name for name in names(wheel) if name.endswith((".pyc", ".pt", ".pkl"))]


def test_the_wheel_is_under_40_mb(wheel: Path) -> None:
    assert wheel.stat().st_size < 40e6


def test_the_wheel_holds_the_default_bundle(wheel: Path) -> None:
    files = [name for name in names(wheel) if name.startswith("negvol_cli/bundle/default/")]

    assert "negvol_cli/bundle/default/bundle.toml" in files
    assert [name for name in files if name.endswith(".onnx")]


def test_the_wheel_asks_for_nothing_that_only_training_needs(metadata: Message) -> None:
    wanted = metadata.get_all("Requires-Dist") or []
    always = [line for line in wanted if "extra ==" not in line]

    assert always
    assert not [line for line in always if line.split(">")[0].split("=")[0] in TRAINING_ONLY]


def test_the_wheel_names_its_licence(metadata: Message) -> None:
    assert metadata["License-Expression"] == "GPL-3.0-or-later"
    assert metadata["Name"] == "negvol"


@pytest.fixture(scope="module")
def clean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of programs of an environment that holds the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=True)
    programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
    command = [str(programs / "python"), "-m", "pip", "install", "--quiet", str(wheel)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    yield programs
    shutil.rmtree(folder)  # it is large


def outside(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a program of the clean environment, where the checkout cannot be imported."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        list(map(str, command)), cwd=cwd, env=env, capture_output=True, text=True, check=False
    )


def test_the_demo_runs_from_the_wheel_where_torch_is_absent(clean: Path, tmp_path: Path) -> None:
    probe = "import importlib.util as u; print([n for n in {!r} if u.find_spec(n)])"
    absent = outside(clean / "python", "-c", probe.format(TRAINING_ONLY), cwd=tmp_path)
    assert absent.stdout == "[]\n"

    ran = outside(clean / "negvol", "demo", "--device", "cpu", cwd=tmp_path)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "off by" in ran.stdout
    assert "Research use only" in ran.stdout
    assert list(tmp_path.glob("negvol-demo/*/report.html"))


def test_the_doctor_finds_the_clean_environment_sound(clean: Path, tmp_path: Path) -> None:
    ran = outside(clean / "negvol", "doctor", cwd=tmp_path)

    assert ran.returncode == 0, ran.stdout + ran.stderr

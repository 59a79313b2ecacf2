"""What the offline kit holds installs without an index, on Linux and for Windows."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement

from tests.robustness.forked import ROOT

WINDOWS = {"sys_platform": "win32", "platform_system": "Windows", "python_version": "3.11"}


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    """``export/offline_kit.py``, which is no package."""
    spec = importlib.util.spec_from_file_location("offline_kit", ROOT / "export" / "offline_kit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


def write_wheel(folder: Path, name: str, version: str, *needs: str) -> None:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {need}" for need in needs]
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}-{version}.dist-info/METADATA", "\n".join(lines) + "\n\n")


@pytest.mark.parametrize(
    ("colorama", "lacking"), [(None, ["colorama"]), ("0.3", ["colorama>=0.4"]), ("0.4.6", [])]
)
def test_what_only_windows_needs_is_missed_on_any_system(
    tool: ModuleType, tmp_path: Path, colorama: str | None, lacking: list[str]
) -> None:
    needs = 'colorama>=0.4; platform_system == "Windows"' if colorama else "colorama; os_name"
    needs = needs.replace("os_name", 'sys_platform == "win32"')
    write_wheel(tmp_path, "negvol", "1", "click_one", 'uvloop; sys_platform == "linux"')
    write_wheel(tmp_path, "click_one", "8", needs)
    if colorama:
        write_wheel(tmp_path, "colorama", colorama)

    found = tool.missing(tmp_path, Requirement("negvol"), WINDOWS)

    assert [str(need) for need in found] == lacking


def test_what_an_extra_needs_is_missed_only_with_the_extra(
    tool: ModuleType, tmp_path: Path
) -> None:
    write_wheel(tmp_path, "negvol", "1", 'tools[fast]; extra == "cluster"')
    write_wheel(tmp_path, "tools", "2", 'speed>1; extra == "fast"', "negvol")

    assert tool.missing(tmp_path, Requirement("negvol"), WINDOWS) == []
    (lacking,) = tool.missing(tmp_path, Requirement("negvol[cluster]"), WINDOWS)
    assert str(lacking) == "speed>1"


@pytest.fixture(scope="module")
def kit() -> Path:
    """The kit that .ci/run has built; the tests themselves use no network."""
    path = os.environ.get("NEGVOL_OFFLINE_KIT")
    if not path:
        pytest.skip("no kit: NEGVOL_OFFLINE_KIT must name what export/offline_kit.py has made")
    return Path(path)


@pytest.fixture(scope="module")
def installed(kit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a clean environment into which the kit was installed."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=True)
    command = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-index"]
    ran = clean([*command, "--find-links", kit / "linux", "negvol"])
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return folder / "bin"


def clean(command: list[Path | str], **more: str) -> subprocess.CompletedProcess[str]:
    """Run a program that sees neither this checkout nor any package index."""
    apart = ("PYTHON", "PIP_", "CI", "VIRTUAL_ENV")
    env = {name: value for name, value in os.environ.items() if not name.startswith(apart)}
    env |= {"PIP_CONFIG_FILE": os.devnull, **more}
    words = [str(word) for word in command]
    return subprocess.run(words, cwd="/", env=env, capture_output=True, text=True, check=False)


def test_the_demo_runs_without_a_socket_from_what_the_kit_installed(
    kit: Path, installed: Path, tmp_path: Path
) -> None:
    negvol = [installed / "python", ROOT / "tests" / "robustness" / "no_network.py"]
    store = {"XDG_DATA_HOME": str(tmp_path / "data")}
    (bundle,) = (kit / "models").glob("*.zip")

    ran = clean([*negvol, "models", "install", bundle], **store)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    ran = clean([*negvol, "demo", "-o", tmp_path / "demo", "--device", "cpu"], **store)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert list(tmp_path.glob("demo/*/report.html"))
    assert (
        str(installed.parent)
        in clean(
            [installed / "python", "-c", "import negvol_cli; print(negvol_cli.__file__)"]
        ).stdout
    )


def test_pip_finds_all_that_windows_needs_in_the_kit(
    kit: Path, installed: Path, tool: ModuleType, tmp_path: Path
) -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    command = [installed / "python", "-m", "pip", "install", "--dry-run", "--no-index"]
    command += ["--find-links", kit / "windows", "--target", tmp_path, "--only-binary=:all:"]
    command += ["--platform", "win_amd64", "--python-version", version]

    ran = clean([*command, "negvol"])

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Would install" in ran.stdout
    (windows,) = (system for system in tool.systems(35) if system.name == "windows")
    assert tool.missing(kit / "windows", Requirement("negvol"), windows.environment(version)) == []


def test_the_kit_arrived_whole_and_says_what_to_type(kit: Path) -> None:
    command = ["sha256sum", "--check", "--quiet", "SHA256SUMS"]
    ran = subprocess.run(command, cwd=kit, capture_output=True, text=True, check=False)
    text = (kit / "INSTALL.txt").read_text(encoding="utf-8")

    assert ran.returncode == 0, ran.stdout + ran.stderr
    for system in ("linux", "windows"):
        assert list((kit / system).glob("openvino-*.whl"))
    assert "--no-index --find-links linux negvol" in text
    assert "--no-index --find-links windows negvol" in text

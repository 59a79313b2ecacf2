"""The same scan twice, in processes that may open no socket: the same result."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from negvol_cli.bundle.bundle import DEFAULT_BUNDLE
from tests.robustness.forked import ROOT, environment
from tests.robustness.no_network import kernel_can_forbid

Negvol = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def negvol(tmp_path_factory: pytest.TempPathFactory) -> Negvol:
    """Call the command line in a process of its own that ends at its first socket."""
    folder = tmp_path_factory.mktemp("apart")

    def call(*words: str | Path, threads: int = 1) -> subprocess.CompletedProcess[str]:
        count = str(threads)
        variables = environment(
            OMP_NUM_THREADS=count,
            ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS=count,
            XDG_DATA_HOME=str(folder / "data"),
            PYTHONHASHSEED="random",
        )
        variables.pop("CI", None)  # ONNX Runtime keeps silent where it is set
        command = [sys.executable, "-m", "tests.robustness.no_network", *map(str, words)]
        return subprocess.run(
            command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False
        )

    return call


@pytest.fixture(scope="session")
def results(
    negvol: Negvol, phantom: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Result folders of the phantom: two runs on one thread, one on two."""
    made = {}
    for name, threads in (("first", 1), ("again", 1), ("two threads", 2)):
        out = tmp_path_factory.mktemp("out")
        ran = negvol("run", phantom, "-o", out, "--threads", threads, "--device", "cpu", threads=2)
        assert ran.returncode == 0, ran.stderr
        made[name] = out / "phantom"
    return made


@pytest.mark.skipif(not kernel_can_forbid(), reason="the kernel's filter is Linux's")
def test_a_socket_ends_the_process_in_which_sockets_are_forbidden() -> None:
    probe = "from tests.robustness.no_network import forbid_sockets as f; f(); import socket; "
    for opening, code in (("socket.socket()", -31), ("socket.socketpair()", 0)):
        ran = subprocess.run([sys.executable, "-c", probe + opening], cwd=ROOT, check=False)
        assert ran.returncode == code


def test_a_run_opens_no_socket_and_leaves_nothing_but_its_result(results: dict[str, Path]) -> None:
    folder = results["first"]

    assert sorted(path.name for path in folder.parent.iterdir()) == [folder.name]


def test_a_result_takes_at_most_8_mb(results: dict[str, Path]) -> None:
    files = [path for path in results["first"].rglob("*") if path.is_file()]

    assert sum(path.stat().st_size for path in files) <= 8_000_000


def test_models_are_listed_verified_and_installed_without_a_socket(negvol: Negvol) -> None:
    for words in (["list"], ["verify"], ["install", DEFAULT_BUNDLE]):
        ran = negvol("models", *words)
        assert ran.returncode == 0, ran.stderr


def test_a_batch_opens_no_socket(negvol: Negvol, phantom: Path, tmp_path: Path) -> None:
    ran = negvol("batch", phantom.parent, "-o", tmp_path / "out", "--device", "cpu")

    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "out" / "summary.csv").is_file()


def test_the_same_scan_twice_gives_the_same_bytes(results: dict[str, Path]) -> None:
    first, again = results["first"], results["again"]
    names = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    same = [
        str(name) for name in names if (first / name).read_bytes() == (again / name).read_bytes()
    ]

    assert sorted(p.relative_to(again) for p in again.rglob("*") if p.is_file()) == names
    assert {str(name) for name in names} - set(same) == {"run.json"}
    assert without_cost(first) == without_cost(again)


def without_cost(folder: Path) -> dict[str, object]:
    """``run.json`` but for seconds and memory."""
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return {**run, "steps": [step["name"] for step in run["steps"]]}


def test_another_number_of_threads_changes_next_to_no_label(results: dict[str, Path]) -> None:
    one, two = (
        sitk.GetArrayFromImage(sitk.ReadImage(str(results[name] / "labels.nii.gz")))
        for name in ("first", "two threads")
    )

    assert np.count_nonzero(one) > 10_000
    assert np.count_nonzero(one != two) <= 1e-5 * one.size

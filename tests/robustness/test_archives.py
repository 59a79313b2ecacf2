"""Archives made to harm: nothing is written elsewhere, and nothing runs out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bundle.tiny import write_bundle
from tests.io.made_scans import ct_values, write_series
from tests.robustness.archives import ABSOLUTE, HARMFUL
from tests.robustness.forked import Worker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what a process takes is Linux's")

LIMIT_S = 30.0
LIMIT_MIB = 2048.0


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The worker's folder for temporary files."""
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def worker(temporary: Path) -> Iterator[Worker]:
    with Worker("tests.robustness.read_worker", limit_s=LIMIT_S, TMPDIR=str(temporary)) as started:
        yield started


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_series(tmp_path_factory.mktemp("series") / "ct", ct_values()[:21])


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def ask(worker: Worker, path: Path, kind: str) -> dict[str, object]:
    return worker.ask(json.dumps({"path": str(path), "kind": kind, "whole": False}))


@pytest.fixture(scope="module")
def digest(worker: Worker, series: Path) -> object:
    """What is read of the series in its folder."""
    return ask(worker, series, "scan")["digest"]


@pytest.mark.parametrize("harm", HARMFUL)
def test_an_archive_of_slices_made_to_harm_is_explained_or_read_without_harm(
    worker: Worker, temporary: Path, series: Path, digest: str, tmp_path: Path, harm: str
) -> None:
    archive = HARMFUL[harm](series, tmp_path / "scan.zip")

    answer = ask(worker, archive, "scan")

    if answer["outcome"] == "read":  # what else is in it was left alone
        assert answer["digest"] == digest
    else:
        assert answer["outcome"] == "explained", answer
        assert "scan.zip" in str(answer["sentence"])
    assert answer["grown_mib"] < LIMIT_MIB
    assert listing(tmp_path) == ["scan.zip"]
    assert listing(temporary) == []
    assert not ABSOLUTE.exists()


@pytest.mark.parametrize("harm", HARMFUL)
def test_an_archive_of_a_bundle_made_to_harm_is_explained_or_read_without_harm(
    worker: Worker, tmp_path: Path, harm: str
) -> None:
    pytest.importorskip("onnx", reason="making a small network takes the onnx package")
    bundle = write_bundle(tmp_path / "bundle")
    archive = HARMFUL[harm](bundle, tmp_path / "bundle.zip")

    answer = ask(worker, archive, "bundle")

    if answer["outcome"] == "read":  # what the manifest does not name is never unpacked
        assert answer["digest"] == ask(worker, bundle, "bundle")["digest"]
    else:
        assert answer["outcome"] == "explained", answer
        assert "bundle.zip" in str(answer["sentence"])
    assert answer["grown_mib"] < LIMIT_MIB
    assert listing(tmp_path) == ["bundle", "bundle.zip"]

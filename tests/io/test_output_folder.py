"""A result folder is complete or not there, whatever happens meanwhile."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest

from negvol_cli.errors import OutputError
from negvol_cli.io import output_folder
from negvol_cli.io.output_folder import (
    RESULT_MARK,
    clear_leftovers,
    new_output,
    numbered_output,
    revisions_of,
)

as_root = pytest.mark.skipif(
    hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere"
)


def write(parent: Path, name: str, text: str, *, overwrite: bool = False) -> None:
    with new_output(parent, name, overwrite) as folder:
        (folder / RESULT_MARK).write_text(text)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    "name", ["scan", "Röntgen Übung 3", "[a]*?" if sys.platform != "win32" else "[a]", "x" * 200]
)
def test_a_result_appears_whole_and_alone(tmp_path: Path, name: str) -> None:
    parent = tmp_path / "not there yet" / "out"

    with new_output(parent, name) as folder:
        (folder / RESULT_MARK).write_text("1")
        assert not (parent / name).exists()

    assert names(parent) == [name]
    assert names(parent / name) == [RESULT_MARK]


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), MemoryError()])
def test_a_failed_run_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    def fail() -> None:
        with new_output(tmp_path, "scan") as folder:
            (folder / "half").write_text("written")
            raise error

    with pytest.raises(type(error)):
        fail()

    assert names(tmp_path) == []


def test_a_failed_run_leaves_the_earlier_result(tmp_path: Path) -> None:
    write(tmp_path, "scan", "old")

    with pytest.raises(ValueError, match="no"), new_output(tmp_path, "scan", overwrite=True):
        raise ValueError("no")

    assert names(tmp_path) == ["scan"]
    assert (tmp_path / "scan" / RESULT_MARK).read_text() == "old"


def test_an_earlier_result_is_refused_before_the_work(tmp_path: Path) -> None:
    write(tmp_path, "scan", "old")

    refused = pytest.raises(OutputError, match=r"scan is there already; give --overwrite")
    with refused, new_output(tmp_path, "scan"):
        pytest.fail("the work began")

    assert (tmp_path / "scan" / RESULT_MARK).read_text() == "old"


@pytest.mark.parametrize("in_one_step", [True, False])
def test_overwriting_leaves_nothing_of_the_earlier_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_one_step: bool
) -> None:
    if not in_one_step:
        monkeypatch.setattr(output_folder, "_exchange", lambda _a, _b: False)
    write(tmp_path, "scan", "old")
    (tmp_path / "scan" / "old picture").touch()

    write(tmp_path, "scan", "new", overwrite=True)

    assert names(tmp_path) == ["scan"]
    assert names(tmp_path / "scan") == [RESULT_MARK]
    assert (tmp_path / "scan" / RESULT_MARK).read_text() == "new"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux exchanges two names in one step")
def test_on_linux_two_folders_change_places_in_one_step(tmp_path: Path) -> None:
    (tmp_path / "a" / "of a").mkdir(parents=True)
    (tmp_path / "b" / "of b").mkdir(parents=True)

    if not output_folder._exchange(tmp_path / "a", tmp_path / "b"):
        pytest.skip("this file system cannot exchange two names")

    assert names(tmp_path / "a") == ["of b"]
    assert names(tmp_path / "b") == ["of a"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "scan").mkdir()

    write(tmp_path, "scan", "1")

    assert names(tmp_path / "scan") == [RESULT_MARK]


def test_a_folder_of_something_else_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "to mother.txt").touch()

    with pytest.raises(OutputError, match="something else than a result of negvol"):
        write(tmp_path, "letters", "1", overwrite=True)

    assert names(tmp_path / "letters") == ["to mother.txt"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "scan").write_text("a file")

    with pytest.raises(OutputError, match="scan is there and is no folder"):
        write(tmp_path, "scan", "1", overwrite=overwrite)

    assert (tmp_path / "scan").read_text() == "a file"


def test_a_parent_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")

    with pytest.raises(OutputError, match=r"cannot write .*scan"):
        write(tmp_path / "out", "scan", "1")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b"])
def test_a_name_that_is_no_plain_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="cannot be the name of a folder"):
        write(tmp_path, name, "1")


@as_root
def test_a_parent_that_may_not_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="Permission denied"), new_output(tmp_path, "scan"):
            pytest.fail("the work began")
    finally:
        tmp_path.chmod(0o700)


def test_a_parent_that_the_system_refuses_to_write_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str, *_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)

    with pytest.raises(OutputError, match=r"scan: Permission denied .*choose another -o"):
        write(tmp_path, "scan", "1")


def test_a_full_disk_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(10, 10, 1 << 20))

    with pytest.raises(OutputError, match="is full"), new_output(tmp_path, "scan"):
        pytest.fail("the work began")


def test_a_disk_that_fills_up_during_the_work_is_explained(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="disk is full"), new_output(tmp_path, "scan"):
        raise OSError(errno.ENOSPC, "No space left on device")

    assert names(tmp_path) == []


def test_an_error_of_the_work_itself_is_not_taken_for_one_of_the_output(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), new_output(tmp_path / "out", "scan"):
        (tmp_path / "scan.nii.gz").read_bytes()


def test_two_runs_at_once_on_one_output_end_with_one_result_and_one_refusal(
    tmp_path: Path,
) -> None:
    with new_output(tmp_path, "scan") as folder:
        (folder / RESULT_MARK).write_text("first")
        with pytest.raises(OutputError, match="another negvol is writing"):
            write(tmp_path, "scan", "second", overwrite=True)
        write(tmp_path, "another scan", "free to go")

    assert (tmp_path / "scan" / RESULT_MARK).read_text() == "first"
    assert names(tmp_path) == ["another scan", "scan"]


@pytest.mark.skipif(sys.platform == "win32", reason="flock is of Unix")
@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_where_nothing_can_be_locked_the_second_to_finish_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", no_locks)

    def slow() -> None:
        with new_output(tmp_path, "scan") as folder:
            (folder / RESULT_MARK).write_text("slow")
            write(tmp_path, "scan", "quick")

    with pytest.raises(OutputError, match="is there already"):
        slow()

    assert names(tmp_path) == ["scan"]
    assert (tmp_path / "scan" / RESULT_MARK).read_text() == "quick"


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is of Unix")
def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    program = (
        "import sys, time, pathlib\n"
        "from negvol_cli.io.output_folder import new_output\n"
        "with new_output(pathlib.Path(sys.argv[1]), 'scan') as folder:\n"
        "    (folder / 'half').touch(); print('ready', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE
    ) as killed:
        assert killed.stdout is not None
        killed.stdout.readline()
        with pytest.raises(OutputError, match="another negvol is writing"):
            write(tmp_path, "scan", "1")
        killed.send_signal(signal.SIGKILL)
    time.sleep(0.05)
    assert len(names(tmp_path)) == 2  # the lock and the half-written folder

    write(tmp_path, "scan", "1")

    assert names(tmp_path) == ["scan"]


def test_a_result_that_a_killed_run_had_moved_away_comes_back(tmp_path: Path) -> None:
    write(tmp_path, "scan", "old")
    (tmp_path / "scan").rename(tmp_path / ".scan.part-0123abcd-old")

    with pytest.raises(OutputError, match="is there already"):
        write(tmp_path, "scan", "new")

    assert (tmp_path / "scan" / RESULT_MARK).read_text() == "old"


@pytest.mark.parametrize("other", ["a.part-b", "a.part-0123abcd", "a.new-0123abcd", "a.lock"])
@pytest.mark.parametrize("clear", [write, lambda parent, *_: clear_leftovers(parent)])
def test_what_another_run_is_writing_is_left_alone(
    tmp_path: Path, other: str, clear: Callable[[Path, str, str], None]
) -> None:
    with new_output(tmp_path, other) as folder:
        (folder / RESULT_MARK).write_text("live")
        clear(tmp_path, "a", "1")
        assert (folder / RESULT_MARK).read_text() == "live"

    assert (tmp_path / other / RESULT_MARK).read_text() == "live"


def test_a_link_in_the_place_of_a_lock_or_of_a_part_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "precious").write_text("precious")
    (tmp_path / ".scan.part-0123abcd").symlink_to(tmp_path / "folder")
    write(tmp_path, "scan", "1")
    (tmp_path / ".scan.lock").symlink_to(tmp_path / "precious")

    with pytest.raises(OutputError, match=r"cannot write .*scan"):
        write(tmp_path, "scan", "2", overwrite=True)

    assert (tmp_path / "precious").read_text() == "precious"
    assert (tmp_path / "folder" / "precious").read_text() == "precious"


def test_what_is_numbered_takes_the_next_number(tmp_path: Path):
    (tmp_path / "revisions" / "007").mkdir(parents=True)
    with numbered_output(tmp_path / "revisions") as one:
        (one.folder / "a").write_text("1")
        with numbered_output(tmp_path / "revisions") as two:
            (two.folder / "a").write_text("2")

    assert (two.folder.name, one.folder.name) == ("008", "009")
    assert (tmp_path / "revisions" / "009" / "a").read_text() == "1"
    assert revisions_of(tmp_path) == ("007", "008", "009")


def test_nothing_is_numbered_where_the_body_raises(tmp_path: Path):
    def write() -> None:
        with numbered_output(tmp_path / "revisions") as made:
            (made.folder / "a").write_text("1")
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        write()
    assert list((tmp_path / "revisions").iterdir()) == []
    assert revisions_of(tmp_path / "absent") == ()

"""The report's page as a PDF by Chromium, where that is installed: as a person prints it.

The page is our own, but pictures from a stranger's scan are in it: scripts are taken out, Chromium
reaches no network, keeps its sandbox, has a folder of its own and a limited time. It refuses to
sandbox what root starts, so root starts it as nobody.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_S: Final = 60.0
"""A page takes 2 s on an idle core of 2020."""

_FLAGS: Final = (
    "--headless",
    "--disable-gpu",
    "--no-pdf-header-footer",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-breakpad",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=127.0.0.1:9",  # the port of "discard": whatever asks, nobody answers
    "--proxy-bypass-list=<-loopback>",
)
_MAY_RUN: Final = re.compile('script-src [^;"]*')
_SCRIPT: Final = re.compile(r"<script\b.*?</script\s*>", re.DOTALL | re.IGNORECASE)


def without_scripts(page: str) -> str:
    """The page as it is printed, with nothing in it that runs.

    The class on its root element, which its first script sets, is what its print style asks for.
    """
    bare = _SCRIPT.sub("", page)
    bare = _MAY_RUN.sub("script-src 'none'", bare, count=1)
    return bare.replace('<html lang="en">', '<html lang="en" class="scripted">', 1)


def printed(page: str) -> tuple[bytes | None, str]:
    """The page as a PDF, and by what; or None, and why not."""
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        return None, f"no browser is installed (looked for {', '.join(BROWSERS)})"
    name = Path(browser).name
    try:
        with tempfile.TemporaryDirectory(prefix="negvol-print-", ignore_cleanup_errors=True) as at:
            pdf, failed = _print(browser, page, Path(at))
    except (OSError, KeyError, subprocess.SubprocessError) as err:  # such as no user "nobody"
        pdf, failed = b"", f"it could not be started, or wrote nothing ({type(err).__name__})"
    if failed:
        return None, f"{name} did not print: {failed}"
    return pdf, f"printed by {name}"


def _print(browser: str, page: str, folder: Path) -> tuple[bytes, str]:
    """The page as a PDF, made in ``folder``, and what failed, "" for nothing."""
    (folder / "page.html").write_text(without_scripts(page), encoding="utf-8")
    if failed := _run(browser, folder):
        return b"", failed
    pdf = (folder / "page.pdf").read_bytes()
    whole = pdf.startswith(b"%PDF-") and b"%%EOF" in pdf[-1024:]
    return pdf, "" if whole else "what it wrote is no PDF"


def _run(browser: str, folder: Path) -> str:
    """Print ``page.html`` in ``folder`` to ``page.pdf``; say what failed, "" for nothing."""
    command = [
        *(browser, *_FLAGS),
        f"--user-data-dir={folder / 'profile'}",
        f"--print-to-pdf={folder / 'page.pdf'}",
        (folder / "page.html").as_uri(),
    ]
    home = {name: str(folder) for name in ("HOME", "TMPDIR", "XDG_RUNTIME_DIR")}
    process = subprocess.Popen(  # noqa: S603 - our own command line
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env={"PATH": os.environ.get("PATH", os.defpath), **home},
        **_as_nobody(folder),
    )
    try:
        code = process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        return f"it took more than {PATIENCE_S:g} s"
    finally:
        _end(process)
    return f"it ended with code {code}" if code else ""


def _as_nobody(folder: Path) -> dict[str, Any]:
    """In a process group of its own; where we are root, as a user who owns ``folder`` alone."""
    if sys.platform == "win32":
        return {}
    if os.geteuid() != 0:
        return {"start_new_session": True}
    import pwd

    user = pwd.getpwnam("nobody")
    for path in (folder, folder / "page.html"):
        os.chown(path, user.pw_uid, user.pw_gid)
    return {
        "start_new_session": True,
        "user": user.pw_uid,
        "group": user.pw_gid,
        "extra_groups": [],
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the browser with all its processes; those it left behind too."""
    with suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()

"""One folder with all that installs negvol off the network: ``python export/offline_kit.py KIT``.

``KIT/linux`` and ``KIT/windows`` hold every wheel for that system, downloaded for it whatever this
machine is; ``KIT/models`` the default bundle as an archive; ``INSTALL.txt`` says what to type;
``SHA256SUMS`` tells whether all of it arrived. Takes pip and a package index.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path
from typing import Final

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).resolve().parents[1]
BUNDLE: Final = ROOT / "negvol_cli" / "bundle" / "default"
OLDEST_GLIBC: Final = 17
INSTALL: Final = """\
negvol, to be installed without a network
=========================================
Needs Python {python} with pip and venv (64 bit). Type, in this folder:

Linux (x86_64, glibc 2.{glibc} or newer: "ldd --version" tells)
    sha256sum --check --quiet SHA256SUMS
    python3 -m venv ~/negvol
    ~/negvol/bin/python -m pip install --no-index --find-links linux negvol
    ~/negvol/bin/negvol doctor
    ~/negvol/bin/negvol demo

Windows (64 bit)
    py -m venv %USERPROFILE%\\negvol
    %USERPROFILE%\\negvol\\Scripts\\python -m pip install --no-index --find-links windows negvol
    %USERPROFILE%\\negvol\\Scripts\\negvol doctor
    %USERPROFILE%\\negvol\\Scripts\\negvol demo

"doctor" says what the machine lacks; "demo" measures a phantom head and shows how far each figure
is from the truth. The networks come with negvol. {bundle} holds the same ones, and any
other bundle is installed alike:
    negvol models install {bundle}

Research use only: not a medical device, not for diagnosis.
"""


@dataclass(frozen=True, slots=True)
class System:
    """A system to download for: pip's names of it, and what decides its wheels' markers."""

    name: str
    platforms: tuple[str, ...]
    markers: dict[str, str]

    def environment(self, python: str) -> dict[str, str]:
        """The environment markers of ``python`` (as "3.11") on this system (PEP 508)."""
        own = {"python_version": python, "python_full_version": f"{python}.0"}
        return {**{k: str(v) for k, v in default_environment().items()}, **self.markers, **own}


def systems(glibc: int) -> tuple[System, ...]:
    """Linux with glibc 2.``glibc``, and Windows."""
    manylinux = [f"manylinux_2_{minor}_x86_64" for minor in range(glibc, OLDEST_GLIBC - 1, -1)]
    return (
        System(
            "linux",
            (*manylinux, "manylinux2014_x86_64"),
            {
                "sys_platform": "linux",
                "platform_system": "Linux",
                "os_name": "posix",
                "platform_machine": "x86_64",
            },
        ),
        System(
            "windows",
            ("win_amd64",),
            {
                "sys_platform": "win32",
                "platform_system": "Windows",
                "os_name": "nt",
                "platform_machine": "AMD64",
            },
        ),
    )


def missing(folder: Path, wanted: Requirement, environment: dict[str, str]) -> list[Requirement]:
    """What ``wanted`` needs in ``environment`` that no wheel in ``folder`` satisfies.

    pip judges markers by the machine it runs on, also when it downloads for another: on Linux it
    leaves out what only Windows needs (click's colorama).
    """
    wheels = {canonicalize_name(path.name.split("-")[0]): path for path in folder.glob("*.whl")}
    lacking: dict[str, Requirement] = {}
    seen: set[tuple[str, str]] = set()
    queue = [wanted]
    while queue:
        needed = queue.pop()
        name = canonicalize_name(needed.name)
        wheel = wheels.get(name)
        if wheel is None or not needed.specifier.contains(_version(wheel), prereleases=True):
            lacking[str(needed)] = needed
            continue
        for extra in ("", *needed.extras):
            if (name, extra) not in seen:
                seen.add((name, extra))
                queue += _requirements(wheel, {**environment, "extra": extra})
    return list(lacking.values())


def _version(wheel: Path) -> str:
    return wheel.name.split("-")[1]


def _requirements(wheel: Path, environment: dict[str, str]) -> Iterator[Requirement]:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    for line in metadata.get_all("Requires-Dist") or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate(environment):
            requirement.marker = None
            yield requirement


def _download(system: System, python: str, folder: Path, what: Sequence[str]) -> None:
    platforms = [part for name in system.platforms for part in ("--platform", name)]
    pins = [f"{path.name.split('-')[0]}=={_version(path)}" for path in folder.glob("*.whl")]
    with tempfile.TemporaryDirectory() as temporary:
        constraints = Path(temporary) / "constraints.txt"
        constraints.write_text("\n".join(pins))
        _pip(
            *("download", "--only-binary=:all:", "--python-version", python, *platforms),
            *("--constraint", str(constraints), "--dest", str(folder), *what),
        )


def _pip(*args: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *args]
    subprocess.run(command, check=True)


def _write_bundle(folder: Path) -> Path:
    """The default bundle as an archive that ``negvol models install`` takes."""
    from negvol_cli.bundle.bundle import load_bundle

    manifest = load_bundle(BUNDLE).manifest
    folder.mkdir(parents=True)
    path = folder / f"{manifest.name}-{manifest.version}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(BUNDLE.iterdir()):
            archive.write(file, file.name)
    load_bundle(path)
    return path


def _sums(kit: Path) -> str:
    lines = []
    for file in sorted(path for path in kit.rglob("*") if path.is_file()):
        with file.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        lines.append(f"{digest}  {file.relative_to(kit).as_posix()}\n")
    return "".join(lines)


def build(kit: Path, python: str, glibc: int, extras: Sequence[str]) -> None:
    """Fill the new folder ``kit``. Raises CalledProcessError where pip fails."""
    kit.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as temporary:
        _pip("wheel", "--no-deps", "--wheel-dir", temporary, str(ROOT))
        (wheel,) = Path(temporary).glob("negvol-*.whl")
        with_extras = f"[{','.join(extras)}]" if extras else ""
        wanted = Requirement(f"negvol{with_extras}")
        for system in systems(glibc):
            folder = kit / system.name
            _download(system, python, folder, [f"{wheel}{with_extras}"])
            while lacking := missing(folder, wanted, system.environment(python)):
                _download(system, python, folder, [str(need) for need in lacking])
    bundle = _write_bundle(kit / "models").relative_to(kit).as_posix()
    text = INSTALL.format(python=python, glibc=glibc, bundle=bundle)
    (kit / "INSTALL.txt").write_text(text, encoding="utf-8")
    (kit / "SHA256SUMS").write_text(_sums(kit), encoding="utf-8")


def main() -> None:
    """Build the kit that the command line asks for."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kit", type=Path, metavar="KIT", help="the folder to make")
    parser.add_argument("--python", default=here, help=f"its Python version (default {here})")
    parser.add_argument("--glibc", type=int, default=35, help="2.GLIBC of Linux (default 35)")
    parser.add_argument("--extra", action="append", default=[], help="as cluster; may be repeated")
    args = parser.parse_args()
    build(args.kit, args.python, args.glibc, args.extra)
    size = sum(path.stat().st_size for path in args.kit.rglob("*") if path.is_file())
    print(f"{args.kit}: {size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()

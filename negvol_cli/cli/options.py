"""Options shared by several commands, and printing as JSON or in columns."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from negvol_cli.cli.printing import escaped, say
from negvol_cli.cli.private import WrongUsage, become_private
from negvol_cli.settings import ClipSettings, ClipShape, Device, MeshFiles, Settings

if TYPE_CHECKING:
    from negvol_cli.io.source import Privacy
    from negvol_cli.study import DicomOut

Command = TypeVar("Command", bound=Callable[..., None])

PATH = click.Path(path_type=Path)

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
quiet = click.option("--quiet", is_flag=True, help="Print no progress and no messages.")
overwrite = click.option("--overwrite", is_flag=True, help="Replace an existing result.")
device = click.option(
    "--device",
    type=click.Choice([str(d) for d in Device]),
    default=str(Device.AUTO),
    show_default=True,
    help="Where the networks run; 'gpu' fails if the GPU cannot be used.",
)
clip = click.option(
    "--clip",
    type=click.Choice([str(c) for c in ClipShape]),
    default=str(ClipShape.SPHERE),
    show_default=True,
    help="Shape of the measurement volume around the condylar head, 30 mm wide.",
)
sphere_mm = click.option(
    "--sphere-mm",
    type=click.FloatRange(10.0, 40.0),
    metavar="MM",
    help="Width of the measurement sphere, for a joint near the edge of the scan.  [default: 30]",
)
threads = click.option(
    "--threads", type=click.IntRange(min=1), help="CPU threads.  [default: one for each core]"
)
no_meshes = click.option("--no-meshes", is_flag=True, help="Write no mesh files.")
stl = click.option("--stl", is_flag=True, help="Write meshes as STL too, for planning software.")
bundle = click.option(
    "--bundle",
    metavar="NAME|PATH",
    help="Models to use: the name of installed ones, a folder or a zip file.",
)
reference = click.option(
    *("--reference", "references"),
    type=PATH,
    multiple=True,
    metavar="LABELS",
    help="Reference segmentation to compare with; give it twice for one file per joint.",
)

no_enhance = click.option(
    "--no-enhance", is_flag=True, help="Skip the thin-roof enhancement of the fossa."
)
keep_patient_id = click.option(
    "--keep-patient-id",
    is_flag=True,
    help="Write the DICOM patient ID into the report.  [default: no identifier is written]",
)
dicom_out = click.option(
    "--dicom-out",
    is_flag=True,
    help="Also write the result as DICOM for a PACS; copies the patient's name and ID from the "
    "header of the scan.",
)
pseudonym_key = click.option(
    "--pseudonym-key",
    type=PATH,
    metavar="FILE",
    help="Name results by pseudonyms made with this secret key; a crosswalk is kept beside it.",
)


def out(default: str | None) -> Callable[[Command], Command]:
    """Return the ``--out`` option; without a ``default``, nothing is written unless it is given."""
    text = "Folder for the results." + ("" if default else "  [default: nothing is written]")
    return click.option(
        *("-o", "--out"), type=PATH, default=default, show_default=bool(default), help=text
    )


def settings_of(
    *,
    device: str = Device.AUTO,
    clip: str = ClipShape.SPHERE,
    sphere_mm: float | None = None,
    threads: int | None = None,
    no_enhance: bool = False,
    meshes: MeshFiles = MeshFiles.PLY,
) -> Settings:
    """Return the settings that these options ask for; the others keep their defaults.

    Raises
    ------
    WrongUsage
        A width is given for a sphere where a cube is asked for.
    """
    shape = ClipShape(clip)
    if sphere_mm is not None and shape is not ClipShape.SPHERE:
        raise WrongUsage("--sphere-mm sets the width of a sphere: leave --clip cube out")
    width = {} if sphere_mm is None else {"width_mm": sphere_mm}
    return Settings(
        clip=ClipSettings(shape=shape, **width),
        device=Device(device),
        threads=threads,
        enhance=not no_enhance,
        meshes=meshes,
    )


def meshes_of(*, no_meshes: bool, stl: bool) -> MeshFiles:
    """Which meshes these flags ask for. Raises WrongUsage where they contradict each other."""
    if no_meshes and stl:
        raise WrongUsage("--stl asks for meshes: leave --no-meshes out")
    if no_meshes:
        return MeshFiles.NONE
    return MeshFiles.PLY_AND_STL if stl else MeshFiles.PLY


def settings(command: Command) -> Command:
    """Add the options of a measurement to a command, which takes them as one ``Settings``."""

    @device
    @clip
    @sphere_mm
    @threads
    @no_enhance
    @no_meshes
    @stl
    @functools.wraps(command)
    def collected(
        *,
        device: str,
        clip: str,
        sphere_mm: float | None,
        threads: int | None,
        no_enhance: bool,
        no_meshes: bool,
        stl: bool,
        **others: Any,
    ) -> None:
        chosen = settings_of(
            device=device,
            clip=clip,
            sphere_mm=sphere_mm,
            threads=threads,
            no_enhance=no_enhance,
            meshes=meshes_of(no_meshes=no_meshes, stl=stl),
        )
        command(settings=chosen, **others)

    return cast("Command", collected)


def privacy(command: Command) -> Command:
    """Add the options of privacy to a command with ``--out``, which takes them as ``Privacy``."""

    @keep_patient_id
    @pseudonym_key
    @functools.wraps(command)
    def collected(
        *, keep_patient_id: bool, pseudonym_key: Path | None, out: Path | None, **others: Any
    ) -> None:
        command(privacy=privacy_of(keep_patient_id, pseudonym_key, out), out=out, **others)

    return cast("Command", collected)


def privacy_of(keep_patient_id: bool, pseudonym_key: Path | None, out: Path | None) -> Privacy:
    """Return the privacy settings that the two options ask for.

    Raises
    ------
    WrongUsage
        Both options are given.
    InputError
        The key lies inside the output folder, or cannot be read.
    """
    from negvol_cli.errors import InputError
    from negvol_cli.io.pseudonyms import Pseudonyms
    from negvol_cli.io.source import Privacy

    if pseudonym_key is None:
        return Privacy(keep_patient_id=keep_patient_id)
    if keep_patient_id:
        raise WrongUsage(
            "--keep-patient-id and --pseudonym-key exclude each other: the ID names the patient"
        )
    if out is not None and pseudonym_key.resolve().is_relative_to(out.resolve()):
        raise InputError("the key is in the folder for the results: keep it outside the results")
    privacy = Privacy(pseudonyms=Pseudonyms.load(pseudonym_key))
    become_private()
    return privacy


def dicom_writer(wanted: bool, privacy: Privacy, *, quiet: bool) -> DicomOut | None:
    """Return what writes results as DICOM, if ``--dicom-out`` asks for it, and say what it copies.

    Raises WrongUsage beside a pseudonym, which the header would give away.
    """
    if not wanted:
        return None
    if privacy.pseudonyms is not None:
        raise WrongUsage(
            "--dicom-out and --pseudonym-key exclude each other: results as DICOM name the patient"
        )
    from negvol_cli.dicom_out.writing import dicom_out

    if not quiet:
        say(
            "--dicom-out: the dicom folder of a result names the patient, as the header of the "
            "scan does",
            err=True,
        )
    return dicom_out


def print_json(value: Any) -> None:
    """Print ``value`` as JSON on stdout; raises ValueError for NaN and infinity."""
    say(escaped(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)))


def print_columns(rows: Sequence[Sequence[str]], *, left: int = 1) -> None:
    """Print rows in columns on stdout: the first ``left`` left-aligned, the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        say("  ".join(cells).rstrip())

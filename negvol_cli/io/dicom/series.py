"""What is known of a DICOM series from its headers alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from negvol_cli.geometry.grid import Vector
from negvol_cli.io.dicom.headers import Common, Frame
from negvol_cli.io.dicom.identity import Identity
from negvol_cli.io.dicom.suitability import Reservation


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Parallel slices that make one volume.

    ``key`` is a handle that stays the same and names nobody; ``study`` and ``patient`` are
    handles of the study and the patient, the latter for comparing only: who tries all patient
    IDs gets back from it. ``size_xyz`` and ``spacing_mm_xyz`` are those of the slices as they
    lie, ``step_mm`` the widest gap between two of them. ``files`` are those that hold it, or
    the zip. ``why_not`` says why it should not be measured, None where it may; ``unusable`` is
    whether it cannot be, ``reservations`` why only if a person asks for it. ``notes`` are what
    to beware of, in words. ``digest`` changes with the images. ``description`` may name
    somebody: nothing writes it.
    """

    key: str
    study: str
    patient: str = field(repr=False)
    number: int | None
    description: str = field(repr=False)
    modality: str
    plane: str
    size_xyz: tuple[int, int, int]
    spacing_mm_xyz: Vector
    files: tuple[Path, ...] = field(repr=False)
    source: Path = field(repr=False)
    digest: str
    identity: Identity = field(repr=False)
    frames: tuple[Frame, ...] = field(repr=False)
    why_not: str | None = None
    unusable: bool = False
    reservations: tuple[Reservation, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of its result, which is that of no patient."""
        return f"ct-{self.key}"

    def nameless(self, *, keep_patient_id: bool = False) -> Series:
        """The same images without what names the patient, the study or the image.

        UIDs become numbers that are equal where they were; paths stay.
        """
        commons: dict[Common, Common] = {}
        places = _numbered(frame.common.frame_of_reference for frame in self.frames)
        images = _numbered(frame.instance for frame in self.frames)
        for frame in self.frames:
            if frame.common not in commons:
                commons[frame.common] = replace(
                    frame.common,
                    identity=Identity(),
                    description="",
                    frame_of_reference=places[frame.common.frame_of_reference],
                )
        frames = tuple(
            replace(frame, instance=images[frame.instance], common=commons[frame.common])
            for frame in self.frames
        )
        patient_id = self.identity.patient_id if keep_patient_id else ""
        return replace(
            self,
            study="",
            patient="",
            description="",
            digest="",
            identity=Identity(patient_id=patient_id),
            frames=frames,
        )

    @property
    def only_asked(self) -> bool:
        """Whether it is measured only where a person asks for it."""
        return bool(self.reservations)

    @property
    def slices(self) -> int:
        """How many images it has."""
        return len(self.frames)

    @property
    def extent_mm(self) -> float:
        """How far the slices reach along their normal."""
        return self.size_xyz[2] * self.spacing_mm_xyz[2]

    @property
    def folder(self) -> Path:
        """The narrowest folder that holds all its files; the zip, or the file, if it is in one."""
        if self.source.is_file():
            return self.source
        folder = self.files[0].parent
        while not all(file.is_relative_to(folder) for file in self.files):
            folder = folder.parent
        return folder


def _numbered(uids: Iterable[str]) -> dict[str, str]:
    """A number for each, in their order; nothing stays nothing."""
    given = {uid: str(number) for number, uid in enumerate(dict.fromkeys(uids))}
    return given | {"": ""}

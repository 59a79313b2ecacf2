"""How far a study is: what of it was measured, and what of its result has been stored."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known of a study beside its images.

    Attributes
    ----------
    measured
        The digest of the set of images that was measured, or refused; "" before that. Another
        digest of what is there now means that more has come, and that it is measured again.
    result
        The name of the result folder; "" where there is none.
    refused
        Why nothing is stored of these images, in words; "" where something is.
    stored
        The SOP Instance UIDs of the result that the other side has acknowledged.
    done
        Whether nothing is left to be done for these images.
    """

    measured: str = ""
    result: str = ""
    refused: str = ""
    stored: tuple[str, ...] = ()
    done: bool = False

    def to_bytes(self) -> bytes:
        """As JSON."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, indent=1).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> State:
        """The state in a file of ours; a fresh one where it is none that this program knows.

        Then the study is measured again, which batch's resume makes cheap.
        """
        try:
            said = json.loads(content)
            if said.pop("schema") != SCHEMA:
                return cls()
            return cls(**{**said, "stored": tuple(said["stored"])})
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls()

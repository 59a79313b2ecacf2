"""Every error that negvol raises on purpose.

NegvolError            exit 1   anything we can explain
├── InputError         exit 3   the scan, labels or path are not usable
├── OutputError        exit 1   the result cannot be written where it was asked for
└── ModelError         exit 4   the model bundle is missing, damaged or of another shape
    └── DeviceError    exit 4   the asked-for GPU cannot really run the model

The message of each is one sentence for the person at the keyboard: what is wrong,
with which file or value, and what to do.
"""


class NegvolError(Exception):
    """Something went wrong that negvol can explain."""

    exit_code = 1


class InputError(NegvolError):
    """The scan, the labels, or the path to them, is not usable."""

    exit_code = 3


class OutputError(NegvolError):
    """The result cannot be written where it was asked for."""


class ModelError(NegvolError):
    """The model bundle is missing, damaged or of another shape."""

    exit_code = 4


class DeviceError(ModelError):
    """The device that was asked for cannot really run the model."""

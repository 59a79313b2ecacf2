"""``python -m training``; the commands are in ``training.commands``."""

from __future__ import annotations

import sys

from training.commands import main

if __name__ == "__main__":
    sys.exit(main())

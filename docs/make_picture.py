"""The picture at the top of the README: the preview of the demo's phantom, no patient's.

python docs/make_picture.py
"""

import shutil
import tempfile
from pathlib import Path

from negvol_cli.demo import run_demo
from negvol_cli.settings import Settings

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        demo = run_demo(Path(folder), Settings())
        shutil.copy(demo.folder / "preview.png", Path(__file__).parent / "preview.png")

"""``python -m negvol_cli`` is ``negvol``."""

from negvol_cli.cli import main

if __name__ == "__main__":
    main(prog_name="negvol")

"""``python -m negvol_cli`` is ``negvol``."""

from negvol_cli.cli.program import program

if __name__ == "__main__":
    program()

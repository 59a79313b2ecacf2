"""Printing of text from files, which may contain anything, on the user's terminal."""

from __future__ import annotations

import click


def say(text: object = "", *, err: bool = False, end: str = "\n") -> None:
    """Print ``text`` on stdout or stderr, with unprintable characters replaced."""
    click.echo(printable(str(text)) + end, err=err, nl=False)


def printable(text: str) -> str:
    """Replace each unprintable character by ``?``, except line ends.

    A file name may contain codes that move the cursor, turn the writing direction, rename the
    window, or type into the shell.
    """
    return "".join(char if char.isprintable() or char == "\n" else "?" for char in text)


def escaped(text: str) -> str:
    r"""JSON with what does not print as ``\u`` escapes, which mean the same."""
    return "".join(char if char.isprintable() or char == "\n" else _escape(char) for char in text)


def _escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))

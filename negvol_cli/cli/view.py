"""``negvol view``: open a report in the browser."""

from __future__ import annotations

from pathlib import Path

import click

from negvol_cli.cli import options
from negvol_cli.cli.printing import say


@click.command(short_help="Open a report in the browser.")
@click.argument("out", type=options.PATH)
@click.option("--serve", "served", is_flag=True, help="Serve the report on 127.0.0.1 until Ctrl-C.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port for --serve.  [default: any free port]",
)
@click.option("--no-browser", is_flag=True, help="Only print the address of the report.")
def view(*, out: Path, served: bool, port: int, no_browser: bool) -> None:
    """Open the report in OUT: the result folder of a scan or of a batch, or a page in it.

    With --serve, the report is served on http://127.0.0.1 for browsers that may not open files.
    Access is read-only and needs the address that is printed.
    """
    from negvol_cli.render.viewing import find_page, open_in_browser

    def show(url: str, entrance: str = "", code: str = "") -> None:
        say(url)
        if no_browser:
            return
        if not open_in_browser(entrance or url):
            say("No browser was found: open this address in one.", err=True)
        elif code:  # other users can read what a browser is started with
            say(f"The browser asks for a code; it is {code}", err=True)

    page = find_page(out)
    if not served:
        show(page.resolve().as_uri())
        return
    from negvol_cli.render.serving import serve

    say("Serving until Ctrl-C.", err=True)
    serve(page, port, show)

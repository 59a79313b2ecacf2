"""The report's pages as a PDF: printed by a browser, or drawn with the same words."""

from __future__ import annotations

import getpass
import io
import re
import shutil
import tempfile
import threading
import time
import unicodedata
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pydicom
import pytest
from pypdf import PdfReader

from negvol_cli.dicom_out import printing
from negvol_cli.dicom_out.drawing import drawn
from negvol_cli.dicom_out.page_tree import parse
from negvol_cli.dicom_out.printing import printed, without_scripts
from negvol_cli.render.html import html
from negvol_cli.report import Status
from negvol_cli.settings import RESEARCH_USE
from negvol_cli.structures import Side
from tests.dicom_out import made_results as made
from tests.io.dicom.made_dicom import save

A4_POINTS = (595, 842)
MADE_BY_STYLE = re.compile("[●▲· ]")
"""Bullets, which are no words of the page."""


@pytest.fixture(scope="module")
def page() -> str:
    """The report's page of both joints, with a flag in letters that few fonts have."""
    views = {side: made.view_of(side) for side in Side}
    return html(made.report(), views, details={"negvol": "0.2.0", "システム": "Ωmega"})


@pytest.fixture(scope="module")
def browser() -> str:
    path = next((found for name in printing.BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no browser is installed")
    pdf, how = printed("<html lang='en'><body>Text</body></html>")
    if pdf is None:
        pytest.skip(f"a browser is installed and cannot be sandboxed here: {how}")
    return path


@pytest.fixture
def everybodys() -> Iterator[Path]:
    """A folder in which nobody, as whom root starts a browser, may read."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def words_of(pdf: bytes) -> str:
    """The letters of a PDF without spaces: where lines end is not told."""
    text = "".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(pdf)).pages)
    return letters(text)


def letters(text: str) -> str:
    """What is read of a text: no spaces, no bullets, no ligatures."""
    return MADE_BY_STYLE.sub("", "".join(unicodedata.normalize("NFKC", text).split()))


def is_two_sheets(pdf: bytes) -> bool:
    sheets = PdfReader(io.BytesIO(pdf)).pages
    sizes = [(round(float(s.mediabox.width)), round(float(s.mediabox.height))) for s in sheets]
    return sizes == [A4_POINTS, A4_POINTS]


def test_drawn_it_is_two_sheets_with_every_word_and_picture_of_the_page(page):
    pdf = drawn(page.replace("システム", "system"))

    body = parse(page.replace("システム", "system"))
    assert is_two_sheets(pdf)
    found = words_of(pdf)
    pieces = [e.text for tag in ("h1", "h2", "h3", "p", "th", "td", "li") for e in body.find(tag)]
    assert len(pieces) > 90
    missing = [piece for piece in pieces if letters(piece) not in found]
    assert not missing
    assert letters(RESEARCH_USE) in found
    addresses = [e.attributes["src"] for e in body.find("img")]
    pictures = {image.data for s in PdfReader(io.BytesIO(pdf)).pages for image in s.images}
    assert len(addresses) == 10
    assert len(pictures) == len(set(addresses))  # one that occurs twice is stored once


def test_letters_that_the_font_lacks_are_transliterated(page):
    found = words_of(drawn(page))

    assert "Ωmega" in found
    assert "shisutemu" in found.lower()


def test_printed_and_drawn_have_the_same_letters(page, browser):
    latin = page.replace("システム", "system")

    by_browser, how = printed(latin)

    assert how == f"printed by {Path(browser).name}"
    assert is_two_sheets(by_browser)
    found = [sorted(words_of(pdf)) for pdf in (by_browser, drawn(latin))]
    assert len(found[0]) > 2000
    assert found[0] == found[1]


def test_a_joint_without_pictures_is_drawn_with_the_reason():
    lost = made.without(made.report(), Side.LEFT, Status.CUT, "it ends 12 mm short")

    pdf = drawn(html(lost, {Side.RIGHT: made.view_of(Side.RIGHT)}))

    assert "cutbythefieldofview:itends12mmshort" in words_of(pdf)


def test_a_hundred_flags_are_drawn_to_the_last(page):
    flags = "".join(f"<li>Left joint: flag {number}, {'why ' * 12}</li>" for number in range(100))

    pdf = drawn(page.replace('<ul class="flags">', f'<ul class="flags">{flags}'))

    assert letters(f"flag 99, {'why ' * 12}") in words_of(pdf)


def test_what_is_printed_runs_nothing(page):
    bare = without_scripts(page)

    assert "<script" in page
    assert "<script" not in bare
    assert "script-src 'none'" in bare
    assert len(bare) < len(page) / 3


@pytest.mark.usefixtures("browser")
def test_the_browser_reaches_no_network_even_on_this_machine():
    asked = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_port
        pdf, _ = printed(
            f"<html lang='en'><body><img src='http://127.0.0.1:{port}/ip'>"
            f"<img src='http://localhost:{port}/name'><iframe src='http://127.0.0.1:{port}/f'>"
            "</iframe>Text</body></html>"
        )
        server.shutdown()

    assert "Text" in words_of(pdf)
    assert not asked


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("exit 3", "it ended with code 3"),
        ("echo no PDF > page.pdf", "what it wrote is no PDF"),
        ("true", "wrote nothing (FileNotFoundError)"),
        ("sleep 600 & sleep 600", "it took more than 1 s"),
    ],
)
def test_where_the_browser_fails_the_page_is_drawn_and_it_is_said_why(
    everybodys, monkeypatch, script, why
):
    fake = everybodys / "chromium"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    monkeypatch.setattr(printing.shutil, "which", lambda _: str(fake))
    monkeypatch.setattr(printing, "PATIENCE_S", 1.0)
    start = time.monotonic()

    pdf, said = printed("<html lang='en'><body>Text</body></html>")

    assert pdf is None
    assert said.startswith("chromium did not print: ")
    assert why in said
    assert time.monotonic() - start < 5


def test_what_the_browser_writes_is_taken(everybodys, monkeypatch):
    fake = everybodys / "chromium"
    fake.write_text("#!/bin/sh\nprintf '%%PDF-1.4 of %s %%%%EOF' \"$(id -un)\" > page.pdf\n")
    fake.chmod(0o755)
    monkeypatch.setattr(printing.shutil, "which", lambda _: str(fake))

    pdf, said = printed("<html lang='en'><body>Text</body></html>")

    me = getpass.getuser()
    assert (pdf or b"").decode() == f"%PDF-1.4 of {'nobody' if me == 'root' else me} %%EOF"
    assert said == "printed by chromium"


def test_it_is_a_document_of_the_study_that_opens(tmp_path):
    report = "<html lang='en'><body><h1>Negative volume</h1><p>Text</p></body></html>"
    study = save(made.images_of(made.straight(), AccessionNumber="A7"), tmp_path / "study")

    result = made.write(study, tmp_path / "out", page=report)

    data = pydicom.dcmread(result / "report.dcm")
    source = pydicom.dcmread(next(study.iterdir()))
    assert data.SOPClassUID == "1.2.840.10008.5.1.4.1.1.104.1"
    for name in ("StudyInstanceUID", "PatientID", "PatientName", "AccessionNumber"):
        assert data[name].value == source[name].value
    assert data.MIMETypeOfEncapsulatedDocument == "application/pdf"
    pdf = data.EncapsulatedDocument[: data.EncapsulatedDocumentLength]
    assert pdf.endswith(b"%%EOF\n")
    assert "Text" in words_of(pdf)
    assert "research use only" in data.DocumentTitle
    assert len(data.SourceInstanceSequence) == len(list(study.iterdir()))

"""Presentation of a report: the terminal's table, preview.png and report.html."""

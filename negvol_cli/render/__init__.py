"""Drawing a report: the terminal's table, preview.png and report.html."""

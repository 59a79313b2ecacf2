"""Two results of one patient: what is between them."""

"""Training the networks of negvol."""

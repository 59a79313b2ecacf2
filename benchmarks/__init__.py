"""What is claimed of the project, measured again by one command each."""

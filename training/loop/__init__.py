"""Training one network: its task, its loss, its steps, and what is kept of them."""

"""Triangle meshes, distances to them, and the libraries that refine them."""

"""Where voxels lie in the patient: grids, orientations, joint frames, resampling."""

"""Files: scans, label maps, meshes, reports, result folders, DICOM."""

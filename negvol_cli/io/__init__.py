"""Files: scans, label maps, meshes, reports, folders of results, DICOM."""

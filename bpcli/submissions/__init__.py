"""What students hand in: files, folders, zip files, tables and JSON, as one stream in which nobody disturbs another."""

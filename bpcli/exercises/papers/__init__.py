"""The papers of a sheet: what stands on them as data, and a writer for each format."""

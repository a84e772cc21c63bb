"""Exercises: problem files, their variants and keys, and the sheets that are made of them."""

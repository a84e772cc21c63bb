"""Marking one formula: answers read strictly, held against a key, with follow-through and the slip named."""

"""Phonemes: texts are compared and changed by how they sound."""

"""Fuzzing of what reads text that others wrote. See README.md."""

"""Shared by all packages and independent of them: checks of arguments, settings, randomness, names loaded on demand."""

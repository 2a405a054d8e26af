"""What all wings use and what uses none of them: checks of arguments, settings, randomness, names loaded on demand."""

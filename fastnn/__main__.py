"""`python -m fastnn`: the command line."""

from fastnn.cli.options import main

if __name__ == "__main__":
    raise SystemExit(main())

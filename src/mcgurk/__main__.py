"""``python -m mcgurk``: the same command line as ``mcgurk``."""

from mcgurk.cli import main

if __name__ == "__main__":
    main()

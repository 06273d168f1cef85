"""The command, for `python -m hepsets`, with the Python that is named."""

from hepsets.cli.main import main

if __name__ == "__main__":  # worker processes load this file too
    main()

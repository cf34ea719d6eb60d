"""Record words: the command ``kws record``, as ``python -m data_tools.record``."""

from kws.cli import main

if __name__ == "__main__":
    main("record")

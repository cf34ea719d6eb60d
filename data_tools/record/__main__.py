"""Record words: the command ``kws record``, as ``python -m data_tools.record``."""

import sys

try:
    from kws.cli import main
except ModuleNotFoundError as error:
    sys.stderr.write(f"error: {error.name} is not installed: pip install -e '.[record]' in the toolkit's folder\n")
    raise SystemExit(2) from None

if __name__ == "__main__":
    main("record")

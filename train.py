"""Train a keyword model: the command ``kws train``, for a clone that is not installed."""

import sys

try:
    from kws.cli import main
except ModuleNotFoundError as error:
    sys.stderr.write(f"error: {error.name} is not installed: pip install -e '.[train]' in the toolkit's folder\n")
    sys.exit(2)

if __name__ == "__main__":
    main("train")

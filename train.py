"""Train a keyword model: the command ``kws train``, for a clone that is not installed."""

import sys

try:
    from kws.cli import main
except ModuleNotFoundError as error:
    sys.exit(f"error: {error.name} is not installed: pip install '.[train]' in this folder")

if __name__ == "__main__":
    main("train")

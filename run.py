"""Listen for a keyword: the command ``kws run``, for a clone that is not installed."""

import sys

try:
    from kws.cli import main
except ModuleNotFoundError as error:
    sys.exit(f"error: {error.name} is not installed: pip install '.[onnx]' in this folder, or make run")

if __name__ == "__main__":
    main("run")

"""Listen for a keyword: the command ``kws run``, for a clone that is not installed."""

import sys

try:
    from kws.cli import main
except ModuleNotFoundError as error:
    sys.stderr.write(
        f"error: {error.name} is not installed: pip install -e '.[onnx]' in the toolkit's folder, or make run\n"
    )
    sys.exit(2)

if __name__ == "__main__":
    main("run")

"""``python -m exoimage``."""

import sys

from exoimage.cli import main

if __name__ == "__main__":
    sys.exit(main())

"""`python -m resolver` is the command `rootward`."""

import sys

from resolver.app.cli import main

if __name__ == "__main__":
    sys.exit(main())

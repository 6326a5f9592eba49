"""Exit codes of the command, as docs/operate.md promises them."""

OK = 0
FAILED = 1  # the operation was tried and did not succeed
USAGE = 2  # the command line makes no sense; argparse uses the same
NO_REPLY = 9  # `query`: nobody answered (dig's code for the same)
BAD_CONFIGURATION = 78  # EX_CONFIG of sysexits.h: starting again would not help

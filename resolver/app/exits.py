"""Exit codes of the command, as docs/operate.md promises them."""

OK = 0
FAILED = 1  # the operation was tried and did not succeed
USAGE = 2  # the command line makes no sense; argparse uses the same
NO_REPLY = 9  # `query`: nobody replied (dig's code for the same)
UNAVAILABLE = 69  # EX_UNAVAILABLE of sysexits.h: `ctl` reaches no server
FORBIDDEN = 77  # EX_NOPERM of sysexits.h: `ctl` may only look at this server
BAD_CONFIGURATION = 78  # EX_CONFIG of sysexits.h: starting again would not help

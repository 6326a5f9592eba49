"""Exit codes of the command, as docs/operate.md and rootward(1) promise them."""

OK = 0
FAILED = 1  # the operation was tried and did not succeed
USAGE = 2  # the command line makes no sense; argparse uses the same
NO_REPLY = 9  # `query`: nobody replied (dig's code for the same)
UNAVAILABLE = 69  # EX_UNAVAILABLE of sysexits.h: `ctl` reaches no server
FORBIDDEN = 77  # EX_NOPERM of sysexits.h: `ctl` may only look at this server
BAD_CONFIGURATION = 78  # EX_CONFIG of sysexits.h: starting again would not help

MEANINGS = {
    OK: "done; for run: ended by a signal",
    FAILED: "failed; for check and zone check: there are errors",
    USAGE: "the command line makes no sense",
    NO_REPLY: "query: nobody replied",
    UNAVAILABLE: "ctl: no server can be reached at its socket, or it has too many connections",
    FORBIDDEN: "ctl: the socket is for looking only, or has another owner",
    BAD_CONFIGURATION: "the configuration cannot be used (for check: 1): a fault in the file, a "
    "zone or the root hints, or an address that cannot be listened on; starting again does not "
    "help",
}

"""Control of a running server: a Unix socket, the verbs it understands, and `rootward ctl`."""

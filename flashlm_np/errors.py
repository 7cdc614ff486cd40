"""What the command line tells its user instead of a traceback."""


class UserError(Exception):
    """Something the user can mend; the message is one clear sentence that says how."""


INTERRUPTED = 130  # the usual exit code after Ctrl-C

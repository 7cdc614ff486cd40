"""The error that the command line prints without a traceback, and an exit code."""


class UserError(Exception):
    """A problem that the user can solve; the message is one sentence that says how."""


INTERRUPTED = 130  # the usual exit code after Ctrl-C

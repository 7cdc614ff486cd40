"""`python -m flashlm_np` is the command `flashlm`."""

from .cli import command

if (
    __name__ == "__main__"
):  # and not in a process that multiprocessing starts on a Mac or Windows
    command()

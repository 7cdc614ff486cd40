"""`python -m flashlm_np` is the command `flashlm`."""

from .cli import command

command()

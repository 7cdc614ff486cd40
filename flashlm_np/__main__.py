"""`python -m flashlm_np` is the command `flashlm`."""

from .cli import command

# In a process that multiprocessing starts on macOS or Windows, the name is another.
if __name__ == "__main__":
    command()

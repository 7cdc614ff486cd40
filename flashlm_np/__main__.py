"""`python -m flashlm_np` is the command `flashlm`."""

import sys

from .cli import main

sys.exit(main())

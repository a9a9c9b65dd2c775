"""`python -m backprove` is the command line."""

from .cli import main

main()

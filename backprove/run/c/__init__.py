"""The C backend: programs compiled by the C compiler of the system."""

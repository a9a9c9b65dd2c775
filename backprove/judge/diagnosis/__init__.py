"""Which mistake explains a wrong gradient: mutations of the correct one, matched by value."""

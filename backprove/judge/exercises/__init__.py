"""Exercise sheets: derivations with a planted mistake or a blank line, and their keys."""

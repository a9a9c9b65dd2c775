"""Numbers: lowering to a straight-line program, NumPy, data, training, saved models."""

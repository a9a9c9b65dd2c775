"""Judging a hand-written backward pass, run on the network's numbers."""

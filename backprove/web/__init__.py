"""The Explorer: a network, its equations and its numbers in the browser."""

"""The explorer's server: questions of a page in, the front doors' answers out; no mathematics."""

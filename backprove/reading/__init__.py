"""From a formula as written to an expression about a network, in any notation."""

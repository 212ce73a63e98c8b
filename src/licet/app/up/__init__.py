"""A platform on one machine: sidecars, stand-ins for the programs, and the traffic between them."""

"""Pure values: what a cluster holds, as far as it decides who may reach whom. No input or output here."""

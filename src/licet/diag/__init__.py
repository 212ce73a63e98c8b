"""What is wrong, where, and how to put it right: one value, rendered for people and for machines."""

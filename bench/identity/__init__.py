"""What identities cost: issuing them, handing them out, and replacing all of them at once."""

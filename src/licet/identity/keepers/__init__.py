"""Where private keys of authorities stay."""

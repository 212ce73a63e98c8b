"""A log that cannot be altered unseen: canonical records, a Merkle tree, signed checkpoints, proofs."""

"""A node's side: what its workloads are handed, kept fresh."""

"""How a running server or node is watched: metrics, and whether it is well."""

"""Who calls whom, as far as manifests say so: evidence, and contracts drafted from it. No input or output here."""

"""From bytes to documents to the model: what kubectl would make of a manifest, and where each field stands."""

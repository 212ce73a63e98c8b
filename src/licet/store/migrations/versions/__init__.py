"""The steps between versions of the schema, one file each."""

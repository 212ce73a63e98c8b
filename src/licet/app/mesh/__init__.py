"""What the commands of the mesh wire together."""

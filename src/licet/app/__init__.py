"""What the rooms below make together: from paths to a cluster that can be asked."""

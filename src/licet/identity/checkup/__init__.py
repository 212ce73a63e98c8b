"""What may be wrong with a trust domain and the machine that it runs on, one subject a file."""

"""Messages of the SPIFFE Workload API; `tools/generate_stubs.py` makes the Python from the `.proto`."""

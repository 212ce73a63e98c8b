"""The identity plane: authorities, SVIDs, registration, attestation, the Workload API, federation."""

"""The mesh: agreements and identities made into what real Envoy sidecars enforce, by a control plane over xDS."""

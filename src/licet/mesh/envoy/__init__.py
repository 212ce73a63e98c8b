"""What a sidecar is told, in Envoy's own messages. Pure: values in, messages out."""

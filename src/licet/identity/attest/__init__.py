"""Who asks: processes as the kernel knows them, pods as Kubernetes does, nodes by tokens."""

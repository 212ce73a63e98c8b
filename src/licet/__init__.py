"""Licet: who may talk to whom on a Kubernetes platform, who agreed, and is that what really happens?"""

__version__ = "0.1.0"

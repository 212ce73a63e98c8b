"""What ends a request or a command of the identity plane."""

from __future__ import annotations

from licet.diag.failure import Failure


class IdentityError(Failure):
    """Something that a person or a client has to put right."""


class MalformedError(IdentityError):
    """Input that is not what a specification says it has to be: an ID, a request, a bundle, a token."""


class RefusedError(IdentityError):
    """A well-formed request of somebody who may not have what it asks for."""


class UnavailableError(IdentityError):
    """Nothing is wrong with the request; it cannot be answered now."""

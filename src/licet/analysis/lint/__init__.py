"""What is wrong with policies that are valid: rules without effect, policies for nobody, orders left open."""

from licet.analysis.lint.lint import lint

__all__ = ["lint"]

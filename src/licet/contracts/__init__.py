"""Who declares what, and what is agreed: contracts as written, and the edges on which both sides meet."""

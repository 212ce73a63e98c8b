"""Answers over a cluster: who can reach whom, why, and what a change would change. Pure: values in, values out."""

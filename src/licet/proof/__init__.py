"""Is what policies permit exactly what was agreed?"""

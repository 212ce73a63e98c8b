"""SQL: one engine, its tables and migrations, and a writer that commits in groups. SQLite and PostgreSQL."""

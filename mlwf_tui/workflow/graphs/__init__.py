"""The lineage as text, pictures and standards, and what refs mean on it."""

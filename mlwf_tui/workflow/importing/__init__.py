"""How folders and archives are read: what is there, what changed since, and what it becomes."""

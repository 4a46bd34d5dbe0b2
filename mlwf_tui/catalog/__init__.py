"""The catalog: everything of a home that is not bytes, in one SQLite file. Its door is catalog.Catalog."""

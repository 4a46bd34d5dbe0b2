"""Built-in plug-ins, found by name through entry points like anybody else's; the only place for heavy libraries."""

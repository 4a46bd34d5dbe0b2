"""Built-in plug-ins, found through entry points like anybody else's; the only room for heavy libraries."""

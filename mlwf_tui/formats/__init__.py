"""File formats that several rooms speak: bytes to entities and back; no folders, no I/O."""

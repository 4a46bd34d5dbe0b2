"""Writers of dataset formats."""

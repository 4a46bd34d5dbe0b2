"""Samples: small projects drawn on the spot, for a first look without data or network."""

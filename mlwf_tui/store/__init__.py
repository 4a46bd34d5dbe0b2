"""Bytes by digest in packs, their index, and the manifests that describe project states."""

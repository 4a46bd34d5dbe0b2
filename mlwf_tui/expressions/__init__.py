"""Conditions on items and objects that a person writes as text: read by a grammar, never evaluated as code."""

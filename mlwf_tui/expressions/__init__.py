"""Conditions on items and objects written as text: read by a grammar, never evaluated as code."""

"""The contracts of every plug-in kind, and of whoever watches long work; no implementation.

A plug-in is an object found by name through an entry point group (see registry.py). One suite per
kind in tests/contracts/ says what an implementation must do beyond the signatures here.
"""

"""Runs as processes: the queue, leases, their end, and what they say while they go."""

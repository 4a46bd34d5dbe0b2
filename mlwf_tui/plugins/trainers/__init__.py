"""Trainers: each trains, measures and applies the models of one library."""

"""What doing a run again is made of: what it lacks, the doing, and comparing what came of it."""

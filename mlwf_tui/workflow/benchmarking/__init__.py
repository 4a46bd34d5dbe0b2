"""What a benchmark is made of: the part that is measured, what was said of it before, and the speed."""

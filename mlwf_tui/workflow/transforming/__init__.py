"""How an operation is followed: sources, plan, making by hands, and where the result goes."""

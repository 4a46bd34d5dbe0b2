"""What a training is made of: where it starts, what its data must hold, what it will take, what it was."""

"""What a file of pixels is, told from its bytes."""

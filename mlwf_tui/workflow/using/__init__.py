"""What putting a model to use is made of: trust, packages, sessions, sources of images, tracks."""

"""Model cards and the pictures beside them: what is gathered, looked at and kept when a model is made."""

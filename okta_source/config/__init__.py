"""What a user writes about an organisation: strict models, secrets by reference, and every problem told at once with its place."""

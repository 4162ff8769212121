"""What happens to events on their way, and the languages that speak of them."""

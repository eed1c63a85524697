"""What was measured, for people: a page, a card, a terminal."""

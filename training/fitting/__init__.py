"""From messages to a fitted classifier."""

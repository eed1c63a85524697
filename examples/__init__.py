"""What stands on shikyu's output, as its users would build it. Nothing here imports shikyu."""

"""shikyu's consumer: customer messages in, `urgent` and `routine` out, each exactly once."""

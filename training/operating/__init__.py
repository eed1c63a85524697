"""From calibration messages to a threshold, and what it promises."""

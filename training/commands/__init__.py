"""The sub-commands of `shikyu-train` that need more than a line, one module each, imported when they are called."""

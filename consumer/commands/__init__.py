"""The sub-commands of `shikyu`, one module each, imported when they are called."""

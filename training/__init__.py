"""From labelled messages to the artifact that the consumer serves."""

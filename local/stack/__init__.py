"""What docker-compose.yml describes, on this machine and without an engine: the same settings, files and order."""

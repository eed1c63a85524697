"""The images of the Dockerfile, built and run without an engine: `make image-check`."""

"""The documentation as a site: docs/ to what the generator reads, with the navigation of its index."""

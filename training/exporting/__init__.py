"""From a fitted classifier to the artifact that is served."""

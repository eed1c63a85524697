"""Logits of messages: by the code that serves, by models that have not seen them, by TF-IDF beside."""

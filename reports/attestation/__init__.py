"""Who signed which decision, and can a stranger check it? The documents, their signatures, and the chain of both."""

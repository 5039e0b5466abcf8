"""Text to vectors: the tokenizer and the model of the embedder."""

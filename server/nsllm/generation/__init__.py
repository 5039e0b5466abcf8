"""Writing answers: the prompt, the process that owns the model, and quotation."""

"""Measure a text: relevance, coherence, grounding, perplexity."""

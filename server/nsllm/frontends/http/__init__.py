"""The HTTP API of `nsllm serve`: the project's own endpoints, and those OpenAI clients expect."""

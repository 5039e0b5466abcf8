"""The forms in which `nsllm check` reports: each turns a report into a text for stdout."""
